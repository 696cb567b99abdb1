import { ParameterError } from './parameters.ts';

/** Whose figures are asked for: those of one service, of one process, or of all (`null`). */
export interface SenderFilter {
  readonly service: string | null;
  /** An instance id: a UUID per process. */
  readonly instance: string | null;
}

export const EVERYBODY: SenderFilter = { service: null, instance: null };
/** What past the bounds is not told apart any more, as a name. */
export const OTHER_SENDERS = '<other>';

const PARAMETERS = ['service', 'instance'] as const;
const CHARS_MAX = 255;

export function isEverybody({ service, instance }: SenderFilter): boolean {
  return service === null && instance === null;
}

/** One text per filter. */
export function filterKey({ service, instance }: SenderFilter): string {
  return isEverybody({ service, instance }) ? '' : JSON.stringify([service, instance]);
}

/**
 * The filter of an address: its `service` and `instance`, where absent and empty mean all. Other parameters are nobody's
 * business here.
 *
 * @throws ParameterError for the one that cannot be used.
 */
export function parseSenderFilter(search: string): SenderFilter {
  if (search === '') return EVERYBODY;
  const parameters = new URLSearchParams(search);
  const [service = null, instance = null] = PARAMETERS.map((name) => {
    const [value = '', ...more] = parameters.getAll(name);
    if (more.length > 0) throw new ParameterError(name, 'one value', [value, ...more].join(', '));
    if (value.length > CHARS_MAX || value.includes('\0'))
      throw new ParameterError(name, `at most ${CHARS_MAX} characters without NUL`, value);
    return value === '' ? null : value;
  });
  return { service, instance };
}
