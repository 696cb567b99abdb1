import type { Frame } from '../../core/frame.ts';
import { FrameDecoder } from '../../core/frames/frame-decoder.ts';
import { frameOf, type ReceivedFrame, type Usable } from './shapes.ts';

/** As an agent's message may be at most. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Reads the frames of one agent, as bytes or, of versions before, as objects. */
export class FrameReader {
  readonly #decoder = new FrameDecoder();

  /** The frame with the points that can be merged; `null` when the message has none. */
  frameOf({ type, bytes, frame, nextInMs }: Readonly<Record<string, unknown>>): Usable<ReceivedFrame> | null {
    return frameOf(type === 'frame-bytes' ? { ...this.#decoded(bytes), nextInMs } : frame);
  }

  #decoded(bytes: unknown): Frame | null {
    if (!(bytes instanceof Uint8Array) || bytes.length > FRAME_BYTES_MAX) return null;
    try {
      return this.#decoder.read(bytes);
    } catch {
      return null; // Of no agent of ours.
    }
  }
}
