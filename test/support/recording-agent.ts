import type { Agent } from '../../src/agent/instrumentation.ts';
import { requestOf } from '../../src/agent/pipeline.ts';
import { WebSocketTally } from '../../src/agent/websocket/tally.ts';
import type { SeenRequest } from '../../src/core/records/request-record.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import { IDLE_AGENT, SETTINGS_OFF } from './idle-agent.ts';

/** An agent that only remembers what it was told. */
export class RecordingAgent implements Agent {
  readonly events: NervecenterEvent[] = [];
  readonly lookups: [name: string, hit: boolean][] = [];
  readonly sizes: [name: string, keys: number | null, bytes: number | null][] = [];
  readonly warnings: string[] = [];
  readonly folded: string[] = [];
  readonly givenUp: string[] = [];
  readonly websockets = new WebSocketTally();
  readonly clock = IDLE_AGENT.clock;
  readonly settings = SETTINGS_OFF;
  readonly identity = IDLE_AGENT.identity;
  readonly #beforeEnd = new Set<() => void>();

  emitRequest(request: SeenRequest): void {
    this.emit(requestOf(request));
  }

  emit(event: NervecenterEvent): void {
    this.events.push(event);
  }

  cacheLookup(name: string, hit: boolean): void {
    this.lookups.push([name, hit]);
  }

  cacheSize(name: string, keys: number | null, bytes: number | null): void {
    this.sizes.push([name, keys, bytes]);
  }

  labelFolded(attribute: string): void {
    this.folded.push(attribute);
  }

  readonly gaveUp = (reason: string, count = 1): void => {
    for (let i = 0; i < count; i++) this.givenUp.push(reason);
  };

  chunkGaps(): void {}

  later(work: () => void): void {
    work();
  }

  beforeEnd(work: () => void): () => void {
    this.#beforeEnd.add(work);
    return () => this.#beforeEnd.delete(work);
  }

  /** The process is about to end. */
  end(): void {
    for (const work of this.#beforeEnd) work();
  }

  failed(key: string): void {
    this.warnOnce(key);
  }

  warnOnce(key: string): void {
    if (!this.warnings.includes(key)) this.warnings.push(key);
  }
}
