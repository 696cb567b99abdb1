import { type Milliseconds, milliseconds, SECOND_MS } from '../../core/units.ts';

/** As Node has it: a clock that the app's tests put in its place stands still. */
const startTimer: typeof setTimeout = setTimeout;
const stopTimer: typeof clearTimeout = clearTimeout;

export const FRAME_INTERVAL_MS = milliseconds(SECOND_MS);
/**
 * What an app that does nothing pays is being woken. Its collector is told that the next frame comes so late, or it would take
 * the app for blocked: that it is blocked from such a rest on is seen by so much later.
 */
const REST_INTERVAL_MS = milliseconds(2500);

interface FrameTimerParts {
  /** Measures what a frame tells. Must not throw. */
  readonly measure: () => void;
  /** Whether the app had as good as nothing to do, by what was just measured. */
  readonly rests: () => boolean;
  /** Sends the frame. Must not throw. @param nextInMs when the next one comes, where that is not after `FRAME_INTERVAL_MS`. */
  readonly send: (nextInMs?: Milliseconds) => void;
}

/** When frames are made: every second, of an app at rest less often. Keeps no process alive. */
export class FrameTimer {
  readonly #parts: FrameTimerParts;
  #timer: NodeJS.Timeout | null = null;
  #mayRest = false;

  constructor(parts: FrameTimerParts) {
    this.#parts = parts;
  }

  /**
   * Begins anew: a collector that has just come expects the first one after `FRAME_INTERVAL_MS`.
   *
   * @param mayRest whether it heeds when the next one comes: an earlier version does not.
   */
  start(mayRest: boolean): void {
    this.stop();
    this.#mayRest = mayRest;
    this.#next(FRAME_INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) stopTimer(this.#timer);
  }

  #next(delayMs: Milliseconds): void {
    this.#timer = startTimer(this.#due, delayMs).unref();
  }

  readonly #due = (): void => {
    const { measure, rests, send } = this.#parts;
    measure();
    const nextInMs = this.#mayRest && rests() ? REST_INTERVAL_MS : undefined;
    this.#next(nextInMs ?? FRAME_INTERVAL_MS);
    send(nextInMs);
  };
}
