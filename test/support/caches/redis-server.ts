import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What a command answers: text, an integer, nothing, a list, fields, a status or an error. */
export type Reply = string | number | null | readonly Reply[] | Map<string, Reply> | Status | Error;

class Status {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const OK = new Status('OK');
const QUEUED = new Status('QUEUED');
const WRONG_TYPE = new Error('WRONGTYPE Operation against a key holding the wrong kind of value');
const NO_ARRAY = 'expected a command as an array of bulk strings';

interface Client {
  protocol: 2 | 3;
  /** Commands since `MULTI`. */
  queued: string[][] | null;
  rest: Buffer;
}

/**
 * As much of a Redis server as a cache's client needs, RESP2 and RESP3: strings, hashes, transactions, the handshakes of
 * `ioredis` and `redis`. Every command that came is in `commands`.
 */
export class RedisServer {
  readonly commands: string[][] = [];
  /** What commands of modules answer, by their upper-case name. */
  readonly replies = new Map<string, Reply>();
  readonly #values = new Map<string, string | Map<string, string>>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<RedisServer> {
    const redis = new RedisServer();
    await new Promise<void>((resolve) => redis.#server.listen(0, '127.0.0.1', resolve));
    return redis;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const client: Client = { protocol: 2, queued: null, rest: Buffer.alloc(0) };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      client.rest = Buffer.concat([client.rest, chunk]);
      for (let command = takeCommand(client); command !== null; command = takeCommand(client)) {
        this.commands.push(command);
        socket.write(encode(this.#answer(client, command), client.protocol), 'latin1');
      }
    });
  }

  #answer(client: Client, command: string[]): Reply {
    const name = command[0]?.toUpperCase();
    if (name === 'MULTI') {
      client.queued = [];
      return OK;
    }
    if (client.queued === null) return this.#run(client, command);
    if (name === 'EXEC') {
      const queued = client.queued;
      client.queued = null;
      return queued.map((one) => this.#run(client, one));
    }
    client.queued.push(command);
    return QUEUED;
  }

  #run(client: Client, [command = '', key = '', ...rest]: string[]): Reply {
    switch (command.toUpperCase()) {
      case 'HELLO':
        client.protocol = key === '3' ? 3 : 2;
        return new Map([
          ['server', 'redis'],
          ['version', '8.0.0'],
          ['proto', String(client.protocol)],
        ]);
      case 'INFO':
        return 'redis_version:8.0.0\r\nloading:0\r\n';
      case 'CLIENT':
      case 'SELECT':
      case 'QUIT':
        return OK;
      case 'PING':
        return new Status('PONG');
      case 'SET':
        this.#values.set(key, rest[0] ?? '');
        return OK;
      case 'GET':
      case 'GETEX':
        return this.#text(key);
      case 'GETDEL': {
        const value = this.#text(key);
        this.#values.delete(key);
        return value;
      }
      case 'MGET':
        return [key, ...rest].map((one) => {
          const value = this.#text(one);
          return value instanceof Error ? null : value;
        });
      case 'EXISTS':
        return this.#values.has(key) ? 1 : 0;
      case 'DEL':
      case 'UNLINK':
        return this.#values.delete(key) ? 1 : 0;
      default:
        return this.#runOnHash(command.toUpperCase(), key, rest);
    }
  }

  #runOnHash(command: string, key: string, rest: string[]): Reply {
    const scripted = this.replies.get(command);
    if (scripted !== undefined) return scripted;
    const hash = this.#values.get(key) ?? new Map<string, string>();
    if (!(hash instanceof Map)) return WRONG_TYPE;
    switch (command) {
      case 'HSET':
        hash.set(rest[0] ?? '', rest[1] ?? '');
        this.#values.set(key, hash);
        return 1;
      case 'HGET':
        return hash.get(rest[0] ?? '') ?? null;
      case 'HMGET':
        return rest.map((field) => hash.get(field) ?? null);
      case 'HGETALL':
        return hash;
      default:
        return new Error(`ERR unknown command '${command}'`);
    }
  }

  #text(key: string): string | null | Error {
    const value = this.#values.get(key) ?? null;
    return value instanceof Map ? WRONG_TYPE : value;
  }
}

/** The next whole command received, `null` until there is one. */
function takeCommand(client: Client): string[] | null {
  const { rest } = client;
  const lines = { at: 0 };
  const head = takeLine(rest, lines);
  if (head === null) return null;
  if (!head.startsWith('*')) throw new Error(`${NO_ARRAY}, got ${head}`);
  const command: string[] = [];
  for (let left = Number(head.slice(1)); left > 0; left--) {
    const length = takeLine(rest, lines);
    if (length === null) return null;
    const end = lines.at + Number(length.slice(1));
    if (rest.length < end + 2) return null;
    command.push(rest.toString('latin1', lines.at, end));
    lines.at = end + 2;
  }
  client.rest = rest.subarray(lines.at);
  return command;
}

function takeLine(buffer: Buffer, cursor: { at: number }): string | null {
  const end = buffer.indexOf('\r\n', cursor.at);
  if (end === -1) return null;
  const line = buffer.toString('latin1', cursor.at, end);
  cursor.at = end + 2;
  return line;
}

function encode(reply: Reply, protocol: 2 | 3): string {
  if (reply === null) return protocol === 3 ? '_\r\n' : '$-1\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`;
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof Error) return `-${reply.message}\r\n`;
  if (reply instanceof Map) {
    const fields = [...reply].flat().map((item) => encode(item, protocol));
    return `${protocol === 3 ? `%${reply.size}` : `*${reply.size * 2}`}\r\n${fields.join('')}`;
  }
  return `*${reply.length}\r\n${reply.map((item) => encode(item, protocol)).join('')}`;
}
