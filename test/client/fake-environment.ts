import type { MetricsStoreOptions, ResponseLike, SocketLike } from '../../src/client/index.ts';

/** Timers and a clock that move only when told to. */
export class FakeClock {
  nowMs = 1_000_000;
  #timers = new Map<number, { atMs: number; run: () => void }>();
  #next = 1;

  readonly set = (run: () => void, delayMs: number): unknown => {
    const id = this.#next++;
    this.#timers.set(id, { atMs: this.nowMs + delayMs, run });
    return id;
  };

  readonly clear = (timer: unknown): void => {
    this.#timers.delete(timer as number);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Runs everything due within `ms`, in order, and lets promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, timer]) => timer.atMs <= endMs);
      due.sort(([, a], [, b]) => a.atMs - b.atMs);
      const first = due[0];
      if (first === undefined) break;
      const [id, timer] = first;
      this.#timers.delete(id);
      this.nowMs = Math.max(this.nowMs, timer.atMs);
      timer.run();
    }
    this.nowMs = endMs;
    await settle();
  }
}

/** Lets everything that is already resolved run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  closed = false;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.onopen?.({} as never);
  }

  fail(): void {
    this.onclose?.({} as never);
  }

  send(data: unknown): void {
    this.onmessage?.({ data });
  }

  sendSnapshot(snapshot: unknown): void {
    this.send(JSON.stringify({ type: 'metrics_snapshot', data: snapshot }));
  }
}

export type Answer = () => Promise<ResponseLike>;

export function answer(status: number, body: unknown = null): Answer {
  return () => Promise.resolve({ ok: status < 400, status, json: () => Promise.resolve(body) });
}

export const unreachable: Answer = () => Promise.reject(new TypeError('fetch failed'));

/** Everything a store touches, under the test's control. */
export class FakeEnvironment {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly fetched: string[] = [];
  answer: Answer = unreachable;
  random = 0.5;
  refuseSockets = false;

  get options(): MetricsStoreOptions {
    return {
      baseUrl: 'http://collector.test:9464',
      timers: this.clock,
      now: () => this.clock.nowMs,
      random: () => this.random,
      createSocket: (url) => {
        if (this.refuseSockets) throw new Error('refused');
        const socket = new FakeSocket(url);
        this.sockets.push(socket);
        return socket;
      },
      fetch: (url) => {
        this.fetched.push(url);
        return this.answer();
      },
    };
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was made');
    return socket;
  }
}
