import type { ClientBase, Connection, Submittable } from 'pg';

/** The driver's connection speaks COPY; its types do not say so. */
interface CopyConnection extends Connection {
  endCopyFrom(): void;
}

/** `CopyData`, whose length counts itself. */
const COPY_DATA = 0x64;
const LENGTH_BYTES = 4;

/** A `COPY … FROM STDIN`, and what it is to take. */
export interface Copy {
  readonly statement: string;
  readonly chunks: readonly Buffer[];
}

/** Statements that are asked for in the same message, and have no rows for an answer; none: empty. */
interface Around {
  readonly before?: string;
  readonly after?: string;
}

/**
 * Streams data into one COPY after the other and runs what comes before and after them, asked for in one message: between them
 * nothing is waited for but that the server is ready for the next data. Rejects when the server refuses any of it, when the
 * connection breaks, or when the server has not answered in time; in the last case the connection is of no more use.
 */
export function copyIn(
  client: ClientBase,
  copies: readonly Copy[],
  answerTimeoutMs: number,
  around: Around = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new CopyIn(copies, around, (error) => (error === null ? resolve() : reject(error)));
    client.query(Object.assign(query, { query_timeout: answerTimeoutMs }));
  });
}

/** What the driver's client asks of a query, for these statements. */
class CopyIn implements Submittable {
  readonly #text: string;
  readonly #waiting: (readonly Buffer[])[];
  /** The driver replaces it when it gives up waiting. */
  callback: (error: Error | null) => void;
  #connection: CopyConnection | null = null;

  constructor(
    copies: readonly Copy[],
    { before = '', after = '' }: Around,
    callback: (error: Error | null) => void,
  ) {
    this.#text = [before, ...copies.map(({ statement }) => statement), after].filter(Boolean).join('; ');
    this.#waiting = copies.map(({ chunks }) => chunks);
    this.callback = callback;
  }

  submit(connection: Connection): void {
    this.#connection = connection as CopyConnection;
    connection.query(this.#text);
  }

  handleCopyInResponse(): void {
    const connection = this.#connection;
    if (connection === null) return;
    if (connection.stream.writable) this.#send(connection.stream, this.#waiting.shift() ?? []);
    connection.endCopyFrom();
  }

  /** Not by the driver's own method, which copies what may be megabytes to put five bytes in front. */
  #send(stream: Connection['stream'], chunks: readonly Buffer[]): void {
    stream.cork();
    for (const chunk of chunks) {
      const head = Buffer.allocUnsafe(1 + LENGTH_BYTES);
      head.writeUInt8(COPY_DATA);
      head.writeInt32BE(LENGTH_BYTES + chunk.length, 1);
      stream.write(head);
      stream.write(chunk);
    }
    stream.uncork();
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleCommandComplete(): void {}
}
