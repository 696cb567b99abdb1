import { KIB } from '../../../core/units.ts';
import { KIND_OF_BYTE, KINDS, WEIGHTS } from './token-weight.ts';

/** The beginning is looked at byte by byte; short requests are exact. */
const CLOSE_LOOK_BYTES = 4 * KIB;
/** Behind it one byte of so many stands for all. A prime: characters of two or three bytes must not fall into step with it. */
const STEP = 17;
/** So many looks without a space, a quote or a character outside base64: pictures and files are no text. */
const DATA_RUN = 64;
/** What the JSON around a short conversation weighs beyond the few tokens that providers count for it. */
const ENVELOPE_WEIGHT = 12;

/** Estimates the input tokens of a request from the bytes of its body, at most `max`. It keeps a few numbers. */
export class RequestWeight {
  readonly #max: number;
  #weight = 0;
  #bytes = 0;
  #before = 0;
  #run = 0;

  constructor(max: number) {
    this.#max = max;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const close = Math.min(bytes.length, Math.max(0, CLOSE_LOOK_BYTES - this.#bytes));
    const behind = (STEP - ((this.#bytes + close) % STEP)) % STEP;
    if (close > 0) this.#look(bytes, { from: 0, to: close, step: 1 });
    if (close < bytes.length) this.#look(bytes, { from: close + behind, to: bytes.length, step: STEP });
    this.#bytes += bytes.length;
    this.#before = bytes[bytes.length - 1] ?? 0;
  }

  /** Tokens, at least 1 once there was a body. */
  get tokens(): number {
    if (this.#bytes === 0) return 0;
    return Math.max(1, Math.min(this.#max, Math.ceil(this.#weight - ENVELOPE_WEIGHT)));
  }

  #look(bytes: Uint8Array, { from, to, step }: { from: number; to: number; step: number }): void {
    const enough = this.#max + ENVELOPE_WEIGHT;
    let weight = this.#weight;
    let run = this.#run;
    for (let at = from; at < to && weight < enough; at += step) {
      const byte = bytes[at] ?? 0;
      run = IS_BASE64[byte] === 1 ? run + 1 : 0;
      if (run <= DATA_RUN) {
        const before = KIND_OF_BYTE[at === 0 ? this.#before : (bytes[at - 1] ?? 0)] ?? 0;
        weight += (WEIGHTS[before * KINDS + (KIND_OF_BYTE[byte] ?? 0)] ?? 0) * step;
      }
    }
    this.#weight = weight;
    this.#run = run;
  }
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=';
const IS_BASE64: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  BASE64.includes(String.fromCharCode(byte)) ? 1 : 0,
);
