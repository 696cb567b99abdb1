import { createHash, type Hash } from 'node:crypto';
import type {
  WireEnding,
  WireExchange,
  WireObserver,
  WireRequest,
} from '../../../src/agent/wire/exchange.ts';
import { observeWire } from '../../../src/agent/wire/wire.ts';
import { type Milliseconds, milliseconds } from '../../../src/core/units.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

/** What an observer was told of one exchange; of its bodies only sizes and hashes. */
export class RecordedExchange implements WireExchange {
  activeMs: Milliseconds = milliseconds(performance.now());
  readonly request: WireRequest;
  sentBytes = 0;
  receivedBytes = 0;
  status: number | null = null;
  contentType: string | null = null;
  /** `completed`, or the outcome and type of its error. Each end that was told. */
  readonly ends: string[] = [];
  readonly #sent: Hash = createHash('sha256');
  readonly #received: Hash = createHash('sha256');

  constructor(request: WireRequest) {
    this.request = request;
  }

  get sentHash(): string {
    return this.#sent.copy().digest('hex');
  }

  get receivedHash(): string {
    return this.#received.copy().digest('hex');
  }

  sent(chunk: Buffer): void {
    this.sentBytes += chunk.length;
    this.#sent.update(chunk);
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    this.status = statusCode;
    this.contentType = header('content-type');
  }

  received(chunk: Buffer): void {
    if (this.status === null) this.ends.push('a body before its headers');
    this.receivedBytes += chunk.length;
    this.#received.update(chunk);
  }

  completed(): void {
    this.ends.push('completed');
  }

  failed({ outcome, errorType }: WireEnding): void {
    this.ends.push(`${outcome} ${errorType}`);
  }
}

/** Observes every `POST` under a path, `/observed` if none is named. */
export class RecordingObserver implements WireObserver {
  readonly #under: string;
  readonly exchanges: RecordedExchange[] = [];
  constructor(under = '/observed') {
    this.#under = under;
  }

  open(request: WireRequest): WireExchange | null {
    if (request.method !== 'POST' || !request.path.startsWith(this.#under)) return null;
    const exchange = new RecordedExchange(request);
    this.exchanges.push(exchange);
    return exchange;
  }
}

export interface RecordedWire {
  readonly agent: RecordingAgent;
  readonly exchanges: RecordedExchange[];
  stop(): void;
}

export function recordWire(under?: string): RecordedWire {
  const agent = new RecordingAgent();
  const observer = new RecordingObserver(under);
  const stop = observeWire(agent, observer);
  return { agent, exchanges: observer.exchanges, stop };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
