import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const HEADER_BYTES = 24;
const RESPONSE = 0x81;
const GET = 0;
const OK = 0;
const NOT_FOUND = 1;
const OUT_OF_MEMORY = 0x82;
/** Asking for this key makes the server answer with an error. */
export const FAILING_KEY = 'fails';

/** As much of a memcached server as `memjs` needs: `GET` and `SET` of the binary protocol. */
export class MemcachedServer {
  readonly #values = new Map<string, Buffer>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<MemcachedServer> {
    const memcached = new MemcachedServer();
    await new Promise<void>((resolve) => memcached.#server.listen(0, '127.0.0.1', resolve));
    return memcached;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let rest = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + rest.readUInt32BE(8);
        if (rest.length < end) return;
        socket.write(this.#answer(rest.subarray(0, end)));
        rest = rest.subarray(end);
      }
    });
  }

  #answer(request: Buffer): Buffer {
    const extrasEnd = HEADER_BYTES + request.readUInt8(4);
    const keyEnd = extrasEnd + request.readUInt16BE(2);
    const key = request.toString('utf8', extrasEnd, keyEnd);
    if (key === FAILING_KEY) return response(request, OUT_OF_MEMORY);
    if (request.readUInt8(1) !== GET) {
      this.#values.set(key, Buffer.from(request.subarray(keyEnd)));
      return response(request, OK);
    }
    const value = this.#values.get(key);
    return value === undefined ? response(request, NOT_FOUND) : response(request, OK, value);
  }
}

function response(request: Buffer, status: number, value?: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const extras = value === undefined ? Buffer.alloc(0) : Buffer.alloc(4);
  header.writeUInt8(RESPONSE, 0);
  header.writeUInt8(request.readUInt8(1), 1);
  header.writeUInt8(extras.length, 4);
  header.writeUInt16BE(status, 6);
  header.writeUInt32BE(extras.length + (value?.length ?? 0), 8);
  request.copy(header, 12, 12, 16); // The number the client knows its request by.
  return Buffer.concat([header, extras, value ?? Buffer.alloc(0)]);
}
