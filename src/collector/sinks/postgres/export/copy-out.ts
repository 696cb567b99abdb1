import type { Writable } from 'node:stream';
import type { ClientBase, Connection, Submittable } from 'pg';
import { KIB } from '../../../../core/units.ts';

/** Rows are gathered into blocks of this size: a write per row would cost a system call each. */
const BLOCK_BYTES = 64 * KIB;

/** What is written to failed, not the database; `cause` says how. */
export class SinkError extends Error {
  constructor(cause: unknown) {
    super('The sink failed', { cause });
    this.name = 'SinkError';
  }
}

/**
 * Streams `COPY … TO STDOUT` into `sink`, which stays open. At most two blocks are held: while the sink is full nothing is
 * read from the server.
 *
 * @param onBytes told of every block that was written, in bytes.
 * @returns the number of rows.
 * @throws SinkError, or the server's error; the connection is of no more use then.
 */
export function copyOut(
  client: ClientBase,
  text: string,
  sink: Writable,
  onBytes: (bytes: number) => void = () => {},
): Promise<number> {
  if (sink.errored) return Promise.reject(new SinkError(sink.errored));
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, rows: number) => (error === null ? resolve(rows) : reject(error));
    client.query(new CopyOut({ text, sink, onBytes, done }));
  });
}

interface CopyOutOptions {
  readonly text: string;
  readonly sink: Writable;
  readonly onBytes: (bytes: number) => void;
  readonly done: (error: Error | null, rows: number) => void;
}

/** What the driver's client asks of a query, for this one statement. */
class CopyOut implements Submittable {
  readonly #options: CopyOutOptions;
  readonly #onDrain = () => void this.#connection?.stream.resume();
  readonly #onSinkError = (error: Error) => {
    this.#sinkError = new SinkError(error);
    this.#connection?.stream.destroy();
  };
  #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;
  #rows = 0;
  #sinkError: Error | null = null;
  #connection: Connection | null = null;

  constructor(options: CopyOutOptions) {
    this.#options = options;
  }

  submit(connection: Connection): void {
    const { sink, text } = this.#options;
    this.#connection = connection;
    sink.on('error', this.#onSinkError);
    sink.on('drain', this.#onDrain);
    connection.query(text);
  }

  /** Copies the row: its bytes lie in a buffer that the driver uses again. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#filled + chunk.length > BLOCK_BYTES) this.#flush();
    if (chunk.length > BLOCK_BYTES) {
      this.#write(Buffer.from(chunk));
      return;
    }
    this.#filled += chunk.copy(this.#block, this.#filled);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0);
    this.#flush();
  }

  handleReadyForQuery(): void {
    this.#end(null);
  }

  handleError(error: Error): void {
    this.#end(this.#sinkError ?? error);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    this.#write(this.#block.subarray(0, this.#filled));
    this.#block = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#filled = 0;
  }

  #write(bytes: Buffer): void {
    if (this.#sinkError !== null) return;
    if (!this.#options.sink.write(bytes)) this.#connection?.stream.pause();
    this.#options.onBytes(bytes.length);
  }

  #end(error: Error | null): void {
    const { sink, done } = this.#options;
    sink.off('error', this.#onSinkError);
    sink.off('drain', this.#onDrain);
    this.#connection?.stream.resume();
    done(error, this.#rows);
  }
}
