import { RingReader } from '../../link/ring/ring-reader.ts';
import type { SharedRing } from '../../link/ring/ring-writer.ts';
import type { SharedSegment } from '../../link/ring/segment.ts';
import type { AgentLink } from '../agent-link.ts';

/**
 * How long events are gathered: so long one waits at most to be taken, and is lost if the process is killed. More often would
 * cost the collector's thread more for each event.
 */
const READ_INTERVAL_MS = 30;
/** So often there was nothing before the reader sleeps: to wake it costs the app's thread more than looking costs this one. */
const EMPTY_READS_MAX = 2;

/** What comes by the port beside an agent's messages. */
type FromAgent =
  | { readonly type: 'wake' }
  | { readonly type: 'segment'; readonly segment: SharedSegment }
  | { readonly type: string };

/**
 * A link whose agent writes its events to a ring that this thread reads: to its listener they are messages like the others,
 * and come before those that were sent after them.
 */
export class RingLink implements AgentLink {
  readonly #link: AgentLink;
  readonly #reader: RingReader;
  #listener: (message: unknown) => void = () => {};
  #timer: NodeJS.Timeout | null = null;
  #emptyReads = EMPTY_READS_MAX;
  /** Nothing is taken before the agent has said who it is, and nothing after the link is muted. */
  #reads = false;

  constructor(link: AgentLink, ring: SharedRing) {
    this.#link = link;
    this.#reader = new RingReader(ring);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
    this.#link.onMessage((message) => this.#received(message as FromAgent));
  }

  onClose(listener: () => void): void {
    this.#link.onClose(listener);
  }

  send(message: Parameters<AgentLink['send']>[0]): void {
    if (message.type !== 'accepted') {
      this.#link.send(message);
      return;
    }
    this.#reader.accepted(message.batch);
    this.#readLater(); // More may wait for that.
  }

  close(): void {
    this.mute();
    this.#link.close();
  }

  /** What comes from now on is not taken: its sender keeps it. */
  mute(): void {
    this.#reads = false;
    this.#listener = () => {};
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #received(message: FromAgent): void {
    if ('segment' in message) {
      this.#reader.add(message.segment);
      this.#readLater(); // It was written to before it was here.
    } else if (message.type === 'wake') this.#readLater();
    else {
      this.#take(message.type === 'goodbye');
      this.#listener(message);
      if (message.type !== 'hello') return;
      this.#reads = true;
      this.#read();
    }
  }

  /** Reads until there was nothing for a while, then sleeps. */
  #read(): void {
    this.#reader.sleep.end();
    this.#emptyReads = this.#take(false) ? 0 : this.#emptyReads + 1;
    if (this.#emptyReads < EMPTY_READS_MAX) this.#readLater();
    else {
      this.#reader.sleep.begin();
      if (this.#take(false)) this.#readLater();
    }
  }

  #readLater(): void {
    if (!this.#reads || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#read();
    }, READ_INTERVAL_MS);
  }

  /** @returns whether there was anything. */
  #take(evenIfBehind: boolean): boolean {
    let any = false;
    while (this.#reads) {
      const piece = this.#reader.next(evenIfBehind);
      if (piece === null) break;
      any = true;
      this.#listener({ type: 'records', ...piece });
    }
    return any;
  }
}
