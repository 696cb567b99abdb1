/** What is told of the frames that one side sends. */
export interface FrameListener {
  /** A message is complete. @param bytes of its payload, as it was sent: compressed, where that was agreed. */
  message(bytes: number): void;
  /** The side says goodbye. @param code as in the close frame, 1005 where it has none. */
  closing(code: number): void;
}

const FINAL = 0x80;
const MASKED = 0x80;
const OPCODE = 0x0f;
const SIZE = 0x7f;
const SIZE_IN_2_BYTES = 126;
const SIZE_IN_8_BYTES = 127;
const MASK_BYTES = 4;
const HEADER_BYTES_MIN = 2;
const HEADER_BYTES_MAX = HEADER_BYTES_MIN + 8 + MASK_BYTES;
/** Opcodes below are those of messages: continuation, text, binary. */
const CONTROL = 0x08;
const CLOSE = 0x08;
const CODE_BYTES = 2;
const NO_CODE = 1005;

/** Follows one direction of a WebSocket (RFC 6455, section 5), however its bytes are cut. Keeps none of the payload. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #header = Buffer.alloc(HEADER_BYTES_MAX);
  #headerBytes = 0;
  #payloadLeft = 0;
  #messageBytes = 0;
  #code = 0;
  #codeBytes = 0;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  read(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#payloadLeft > 0 ? this.#passPayload(bytes, at) : this.#readHeader(bytes, at);
    }
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#headerBytes < this.#headerSize()) {
      this.#header[this.#headerBytes++] = bytes[at++] ?? 0;
    }
    if (this.#headerBytes < this.#headerSize()) return at;
    this.#payloadLeft = this.#payloadSize();
    if (this.#opcode < CONTROL) this.#messageBytes += this.#payloadLeft;
    if (this.#payloadLeft === 0) this.#frameEnded();
    return at;
  }

  #passPayload(bytes: Uint8Array, from: number): number {
    const passed = Math.min(this.#payloadLeft, bytes.length - from);
    if (this.#opcode === CLOSE) this.#readCode(bytes.subarray(from, from + passed));
    this.#payloadLeft -= passed;
    if (this.#payloadLeft === 0) this.#frameEnded();
    return from + passed;
  }

  #readCode(payload: Uint8Array): void {
    for (const byte of payload.subarray(0, CODE_BYTES - this.#codeBytes)) {
      const mask = this.#isMasked
        ? (this.#header[this.#headerSize() - MASK_BYTES + this.#codeBytes] ?? 0)
        : 0;
      this.#code = this.#code * 256 + (byte ^ mask);
      this.#codeBytes++;
    }
  }

  #frameEnded(): void {
    if (this.#opcode === CLOSE) this.#listener.closing(this.#codeBytes === CODE_BYTES ? this.#code : NO_CODE);
    if (this.#opcode < CONTROL && this.#byte(0) & FINAL) {
      this.#listener.message(this.#messageBytes);
      this.#messageBytes = 0;
    }
    this.#headerBytes = 0;
  }

  get #opcode(): number {
    return this.#byte(0) & OPCODE;
  }

  get #isMasked(): boolean {
    return (this.#byte(1) & MASKED) !== 0;
  }

  #byte(at: number): number {
    return this.#header[at] ?? 0;
  }

  /** How long the header is, as far as its bytes so far tell. */
  #headerSize(): number {
    if (this.#headerBytes < HEADER_BYTES_MIN) return HEADER_BYTES_MIN;
    return HEADER_BYTES_MIN + this.#sizeBytes() + (this.#isMasked ? MASK_BYTES : 0);
  }

  #sizeBytes(): number {
    const size = this.#byte(1) & SIZE;
    if (size === SIZE_IN_8_BYTES) return 8;
    return size === SIZE_IN_2_BYTES ? 2 : 0;
  }

  #payloadSize(): number {
    const sizeBytes = this.#sizeBytes();
    if (sizeBytes === 0) return this.#byte(1) & SIZE;
    if (sizeBytes === 2) return this.#header.readUInt16BE(HEADER_BYTES_MIN);
    return Number(this.#header.readBigUInt64BE(HEADER_BYTES_MIN));
  }
}
