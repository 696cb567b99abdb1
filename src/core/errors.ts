/**
 * Every failure a user can meet, in one list: what was expected, what came, what to do. `class` says whether trying again
 * can help; `status` is the HTTP status where the failure answers a request.
 */
export type ErrorClass = 'permanent' | 'retryable';

interface CatalogueEntry {
  readonly class: ErrorClass;
  readonly status: number;
  readonly title: string;
}

export const CATALOGUE = {
  NC_CONFIG_INVALID: { class: 'permanent', status: 500, title: 'A setting has a value that cannot be used' },
  NC_PORT_TAKEN: { class: 'permanent', status: 500, title: 'The port is taken' },
  NC_DATA_DIR: { class: 'permanent', status: 500, title: 'The data directory cannot be used' },
  NC_STORAGE_UNREACHABLE: { class: 'retryable', status: 503, title: 'Postgres cannot be reached' },
  NC_STORAGE_REFUSED: { class: 'permanent', status: 503, title: 'Postgres refused the connection' },
  NC_EMBEDDED_UNAVAILABLE: { class: 'permanent', status: 503, title: 'Embedded storage cannot run here' },
  NC_SCHEMA_NEWER: {
    class: 'permanent',
    status: 503,
    title: 'The database schema is newer than this version',
  },
  NC_SHARING: { class: 'permanent', status: 500, title: 'Other processes cannot join the dashboard' },
  NC_OUTPUT: { class: 'permanent', status: 500, title: 'The output cannot be written' },
  NC_UNAUTHENTICATED: { class: 'permanent', status: 401, title: 'Authentication is required' },
  NC_TOKEN_WRONG: { class: 'permanent', status: 401, title: 'The token is not valid' },
  NC_FORBIDDEN: { class: 'permanent', status: 403, title: 'The role does not allow this' },
  NC_KEY_WRONG: { class: 'permanent', status: 403, title: 'The key is not known' },
  NC_TOO_MANY_ATTEMPTS: { class: 'retryable', status: 429, title: 'Too many failed logins' },
  NC_ORIGIN_REFUSED: { class: 'permanent', status: 403, title: 'The origin is not allowed' },
  NC_HOST_REFUSED: { class: 'permanent', status: 421, title: 'The host name is not allowed' },
  NC_NOT_FOUND: { class: 'permanent', status: 404, title: 'There is nothing here' },
  NC_METHOD_NOT_ALLOWED: { class: 'permanent', status: 405, title: 'The method is not allowed here' },
  NC_BAD_REQUEST: { class: 'permanent', status: 400, title: 'The request cannot be understood' },
  NC_PAYLOAD_TOO_LARGE: { class: 'permanent', status: 413, title: 'The request body is too large' },
  NC_MEDIA_TYPE: {
    class: 'permanent',
    status: 415,
    title: 'The type or the encoding of the body is not known',
  },
  NC_OVERLOADED: { class: 'retryable', status: 429, title: 'More comes in than can be taken at once' },
  NC_UNAVAILABLE: { class: 'retryable', status: 503, title: 'Not available at the moment' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** A foreseeable failure. `message` is a full sentence with the remedy; it is safe to show to whoever caused it. */
export class NervecenterError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'NervecenterError';
    this.code = code;
  }

  get class(): ErrorClass {
    return CATALOGUE[this.code].class;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }
}

/** The one line to print for any failure: the message of a foreseeable one, name and message of any other, never a stack. */
export function describeError(error: unknown): string {
  if (error instanceof NervecenterError) return `${error.message} [${error.code}]`;
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return String(error);
}
