import { NervecenterError } from '../../core/errors.ts';

/** What a request asks for. `path` is as it was sent: routes are compared with it and nothing in it is decoded. */
export interface Target {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
  /** Of an absolute-form target, which counts instead of the Host header (RFC 9112, 3.2.2). */
  readonly authority: string | null;
}

/**
 * Takes a request target apart without ever handing it to a parser that throws.
 *
 * @throws NervecenterError `NC_BAD_REQUEST` for a target that is neither a path nor an http(s) URL.
 */
export function parseTarget(target: string | undefined): Target {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target ?? '');
  const rest = absolute === null ? (target ?? '') : (absolute[2] ?? '');
  const local = absolute !== null && !rest.startsWith('/') ? `/${rest}` : rest;
  if (!local.startsWith('/')) {
    throw new NervecenterError('NC_BAD_REQUEST', 'The request target must be a path such as /admin/system.');
  }
  const query = local.indexOf('?');
  return {
    path: query === -1 ? local : local.slice(0, query),
    search: query === -1 ? '' : local.slice(query),
    authority: absolute?.[1] ?? null,
  };
}
