import type { Milliseconds } from '../../core/units.ts';

/** An outgoing HTTP request, whichever client of the app makes it. */
export interface WireRequest {
  /** Without port, lower case. */
  readonly host: string;
  readonly port: number | undefined;
  /** With or without query. */
  readonly path: string;
  readonly method: string;
  /** The value of the request header of that (lower-case) name. */
  header(name: string): string | null;
}

/** How an exchange came to its end without its last byte: the network or the server failed, or the app gave up. */
export interface WireEnding {
  readonly outcome: 'error' | 'aborted';
  /** `ECONNRESET`, `timeout`, `aborted`, …; `_OTHER` when nothing tells. */
  readonly errorType: string;
}

/** What is told of one request and its response while they pass by. Nothing may be changed and nothing kept. */
export interface WireExchange {
  /** When something last happened: exchanges left behind are closed by age. */
  readonly activeMs: Milliseconds;
  sent(chunk: Buffer): void;
  /** The final status and headers of the response, never an informational one. */
  headers(statusCode: number, header: (name: string) => string | null): void;
  /** A piece of the body as it came, maybe compressed. */
  received(chunk: Buffer): void;
  completed(): void;
  failed(ending: WireEnding): void;
}

/** Who wants to see what passes: model calls, vector searches. */
export interface WireObserver {
  /** `null`: not interested in this request. */
  open(request: WireRequest): WireExchange | null;
}
