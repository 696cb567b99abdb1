import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

/** One recorded request and its answer. */
export interface Exchange {
  readonly request: { readonly method: string; readonly url: string; readonly body?: string };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

/** What was said between an app and a provider in one test of somebody else's. */
export interface Recording {
  /** Folder and file without its extension. */
  readonly name: string;
  readonly exchanges: readonly Exchange[];
}

const root = join(import.meta.dirname, '..', 'recordings');

/** Every recording there is, by name. */
export function readRecordings(): readonly Recording[] {
  return globSync('**/*.json', { cwd: root })
    .map((file) => file.replaceAll(sep, '/').replace(/\.json$/, ''))
    .sort()
    .map((name) => ({ name, ...JSON.parse(readFileSync(join(root, `${name}.json`), 'utf8')) }));
}

/** Model and stream as the request asks for them, in its body or its path. */
export function askedIn({ url, body = '{}' }: Exchange['request']): { model: string; streaming: boolean } {
  const { pathname } = new URL(url);
  const { model, stream } = JSON.parse(body) as { model?: string; stream?: boolean };
  const named = /\/models\/([^/:]+):|\/model\/([^/]+)\//.exec(pathname)?.slice(1).find(Boolean);
  return {
    model: model ?? (named === undefined ? 'unknown' : decodeURIComponent(named)),
    streaming: stream === true || /stream/i.test(pathname),
  };
}

/** The answer's bytes: those of Amazon's event streams, which are no text, are recorded in base64. */
export function bytesOf({ response }: Exchange): Buffer {
  return Buffer.from(response.body, isAmazonsStream(response.headers) ? 'base64' : 'utf8');
}

/** The answer in the pieces it came in: an event, a line or a frame each; a document is one. */
export function piecesOf(exchange: Exchange): readonly Buffer[] {
  const bytes = bytesOf(exchange);
  const { headers } = exchange.response;
  if (isAmazonsStream(headers)) return framesOf(bytes);
  if (!/stream/.test(headers['content-type'] ?? '')) return [bytes];
  const ends = /event-stream/.test(headers['content-type'] ?? '') ? /(?<=\n\r?\n)/ : /(?<=\n)/;
  return exchange.response.body.split(ends).map((piece) => Buffer.from(piece));
}

function isAmazonsStream(headers: Readonly<Record<string, string>>): boolean {
  return headers['content-type'] === 'application/vnd.amazon.eventstream';
}

/** A frame begins with its length. */
function framesOf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}
