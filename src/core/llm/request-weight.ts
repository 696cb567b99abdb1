import { KIB } from '../units.ts';
import { byteWeight } from './token-weight.ts';

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
    let at = 0;
    while (at < bytes.length && this.#bytes < CLOSE_LOOK_BYTES) {
      const byte = bytes[at++] ?? 0;
      this.#bytes++;
      this.#look(byte, this.#before, 1);
      this.#before = byte;
    }
    const behind = (STEP - (this.#bytes % STEP)) % STEP;
    let look = at + behind;
    for (; look < bytes.length && this.#weight < this.#max + ENVELOPE_WEIGHT; look += STEP) {
      this.#look(bytes[look] ?? 0, look === 0 ? this.#before : (bytes[look - 1] ?? 0), STEP);
    }
    this.#bytes += bytes.length - at;
    if (bytes.length > 0) this.#before = bytes[bytes.length - 1] ?? 0;
  }

  /** Tokens, at least 1 once there was a body. */
  get tokens(): number {
    if (this.#bytes === 0) return 0;
    return Math.max(1, Math.min(this.#max, Math.ceil(this.#weight - ENVELOPE_WEIGHT)));
  }

  #look(byte: number, before: number, times: number): void {
    this.#run = isBase64(byte) ? this.#run + 1 : 0;
    if (this.#run <= DATA_RUN) this.#weight += byteWeight(before, byte) * times;
  }
}

function isBase64(byte: number): boolean {
  return (
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    (byte >= 47 && byte <= 57) || // Slash and digits.
    byte === 43 ||
    byte === 61
  );
}
