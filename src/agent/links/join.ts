import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';
import type { Disagreement, Holder } from '../../core/place.ts';
import type { LinkEvents, MessageLink } from './link.ts';
import { connectSocketLink } from './socket-link.ts';

/** A collector says at once whether it takes a process; one that does not is stopped, or of another kind. */
const ANSWER_TIMEOUT_MS = 5000;

/** What the collector of another process said to `hello`. */
export type Answer =
  | {
      readonly type: 'joined';
      readonly link: MessageLink;
      readonly holder: Holder | undefined;
      /** Not of an earlier version, which takes objects. */
      readonly takesBytes: boolean;
      readonly awaitsNext: boolean;
    }
  | { readonly type: 'refused'; readonly holder: Holder; readonly why: Disagreement };

/**
 * Asks the collector at `path` to take this process.
 *
 * @param events of the link, once it is joined.
 * @returns `null` when nobody answers there.
 */
export async function joinCollector(
  path: string,
  hello: AgentMessage,
  events: LinkEvents,
): Promise<Answer | null> {
  const { promise, resolve } = Promise.withResolvers<Answer | null>();
  let joined = false;
  const link = await connectSocketLink(path, {
    onMessage: (message: CollectorMessage) => {
      if (joined) events.onMessage(message);
      else if (message.type === 'refused') resolve(message);
      else if (message.type === 'welcome' && link !== null) {
        joined = true;
        const { holder, takesBytes = false, awaitsNext = false } = message;
        resolve({ type: 'joined', link, holder, takesBytes, awaitsNext });
      }
    },
    onClose: () => {
      if (joined) events.onClose();
      else resolve(null);
    },
  });
  if (link === null) return null;
  link.send(hello);
  const timer = setTimeout(() => resolve(null), ANSWER_TIMEOUT_MS).unref();
  const answer = await promise;
  clearTimeout(timer);
  if (answer?.type !== 'joined') link.close();
  return answer;
}
