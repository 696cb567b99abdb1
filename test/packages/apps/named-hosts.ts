import dns from 'node:dns';
import { setDefaultAutoSelectFamily } from 'node:net';

type Answered = (error: Error | null, address: string | object[], family?: number) => void;

/**
 * From now on every name is this machine, so that an app calls each provider by the name the provider has, and a server of
 * the test answers.
 */
export function everyHostIsHere(): void {
  setDefaultAutoSelectFamily(false);
  const lookup = (_name: string, options: { readonly all?: boolean } | Answered, answered?: Answered) => {
    const callback = typeof options === 'function' ? options : answered;
    if (typeof options === 'object' && options.all === true) {
      callback?.(null, [{ address: '127.0.0.1', family: 4 }]);
    } else callback?.(null, '127.0.0.1', 4);
  };
  Object.assign(dns, { lookup });
}
