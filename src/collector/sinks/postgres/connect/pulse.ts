import { Socket } from 'node:net';
import { Client, type ClientConfig, DatabaseError } from 'pg';
import { SECOND_MS } from '../../../../core/units.ts';

const BEAT_MS = SECOND_MS / 2;
/** Beats between two questions. */
const PAUSE = 2;
/** Likewise after a connection that could not be made, or was cut: the others tell what there is to tell. */
const PAUSE_AFTER_FAILURE = 20;
/**
 * Beats of waiting for an answer after which there is none. Beats, because this thread may have been busy meanwhile: between
 * two of them it reads what has come.
 */
const SILENT_BEATS = 6;
/** Then it is asked on a new connection: a network that is back may take minutes to revive an old one. */
const GIVEN_UP_BEATS = 20;

export interface PulseListener {
  /** A question waits for its answer for some 3 s. */
  readonly onSilent: () => void;
  /** The server answers again. */
  readonly onAnswer: () => void;
}

/**
 * Asks a server every second whether it is there, on a connection of its own, where nothing that takes long is in front: one
 * that is stopped or cut off is told within 5 s from one that is slow.
 */
export class Pulse {
  readonly #options: ClientConfig;
  readonly #listener: PulseListener;
  readonly #timer: NodeJS.Timeout;
  #client: Client | null = null;
  #socket: Socket | null = null;
  #pause = PAUSE;
  /** `null`: no question waits. */
  #waited: number | null = null;
  #silent = false;

  /** @param options as for the connections it stands for. */
  constructor(options: ClientConfig, listener: PulseListener) {
    this.#options = options;
    this.#listener = listener;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  /** Idempotent; nothing is told from then on. */
  stop(): void {
    clearInterval(this.#timer);
    this.#disconnect();
  }

  #beat(): void {
    if (this.#waited === null) {
      if (--this.#pause <= 0) void this.#ask();
      return;
    }
    this.#waited++;
    if (this.#waited >= SILENT_BEATS && !this.#silent) {
      this.#silent = true;
      this.#listener.onSilent();
    }
    if (this.#waited >= GIVEN_UP_BEATS) this.#disconnect();
  }

  async #ask(): Promise<void> {
    this.#waited = 0;
    const client = this.#client ?? this.#newClient();
    try {
      if (this.#client === null) await client.connect();
      this.#client = client;
      await client.query('');
      this.#pause = PAUSE;
      this.#answered();
    } catch (error) {
      this.#disconnect();
      this.#pause = this.#silent ? PAUSE : PAUSE_AFTER_FAILURE;
      // Who refuses is there.
      if (error instanceof DatabaseError) this.#answered();
    } finally {
      this.#waited = null;
    }
  }

  #answered(): void {
    if (!this.#silent) return;
    this.#silent = false;
    this.#listener.onAnswer();
  }

  #newClient(): Client {
    const socket = new Socket();
    this.#socket = socket;
    const client = new Client({ application_name: 'nervecenter', ...this.#options, stream: () => socket });
    client.on('error', () => {}); // Told by the question that fails.
    return client;
  }

  #disconnect(): void {
    this.#client = null;
    this.#socket?.destroy();
    this.#socket = null;
  }
}
