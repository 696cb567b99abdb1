import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { WEBSOCKET_CASES } from '../../support/attacks/websocket-cases.ts';
import { CLOSE, closeFrame, frame, framesIn, PING, PONG } from '../../support/attacks/websocket-frames.ts';
import { until } from '../../support/poll.ts';
import { AUTHORIZED, startServer, type TestServer, upgradeHead } from './fixture.ts';

const NO_CODE = 1005;
const HEAD_END = '\r\n\r\n';
const PROBE = 'still there?';

/** A viewer by hand: what it says are bytes. */
class RawViewer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  ended = false;

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.socket.on('close', () => {
      this.ended = true;
    });
    this.socket.write(upgradeHead({ Host: `127.0.0.1:${port}`, ...AUTHORIZED, ...headers }));
  }

  get head(): string {
    const text = this.#received.toString('latin1');
    const end = text.indexOf(HEAD_END);
    return end === -1 ? '' : text.slice(0, end);
  }

  get frames(): ReturnType<typeof framesIn> {
    return this.head === '' ? [] : framesIn(this.#received.subarray(this.head.length + HEAD_END.length));
  }

  get pongs(): string[] {
    return this.frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) => payload.toString());
  }

  /** `null`: the server has said no farewell. */
  get closeCode(): number | null {
    const farewell = this.frames.find(({ opcode }) => opcode === CLOSE);
    if (farewell === undefined) return null;
    return farewell.payload.length < 2 ? NO_CODE : farewell.payload.readUInt16BE(0);
  }

  /** Once the snapshot is here that everybody gets at once. */
  async greeted(): Promise<this> {
    await until(() => this.frames.length > 0, { what: 'a first snapshot' });
    return this;
  }
}

let server: TestServer;
let quiet: RawViewer;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startServer({ onTestFinished: (end: () => unknown) => void ends.push(end) } as TestContext);
  quiet = await new RawViewer(server.port).greeted();
});
afterAll(async () => {
  assert.equal(quiet.closeCode, null, 'the others do not notice');
  quiet.socket.destroy();
  for (const end of ends) await end();
});

async function assertEnded(viewer: RawViewer, code: number): Promise<void> {
  await until(() => viewer.closeCode !== null, { what: 'a farewell' });
  assert.equal(viewer.closeCode, code);
  viewer.socket.end(closeFrame(1000));
  await until(() => viewer.ended && server.server.viewers === 1, { what: 'the end of the connection' });
}

describe('what a client says on the stream', () => {
  for (const { chapter, name, bytes, closes, pongs = [] } of WEBSOCKET_CASES) {
    const outcome = closes === undefined ? 'is taken' : `ends with ${closes}`;
    it(`${chapter}: ${name} ${outcome}`, async () => {
      const viewer = await new RawViewer(server.port).greeted();
      viewer.socket.write(bytes);
      if (closes !== undefined) {
        await assertEnded(viewer, closes);
        return;
      }
      viewer.socket.write(frame({ opcode: PING, payload: PROBE }));
      await until(() => viewer.pongs.includes(PROBE) || viewer.ended, { what: 'an answer' });
      assert.deepEqual(viewer.pongs, [...pongs, PROBE]);
      viewer.socket.write(closeFrame(1000));
      await assertEnded(viewer, 1000);
    });
  }

  it('byte by byte is the same', async () => {
    const viewer = await new RawViewer(server.port).greeted();
    viewer.socket.setNoDelay(true);
    for (const byte of frame({ opcode: PING, payload: PROBE })) {
      await new Promise<unknown>((resolve) => viewer.socket.write(Buffer.of(byte), resolve));
    }
    await until(() => viewer.pongs.includes(PROBE));
    viewer.socket.write(closeFrame(1000));
    await assertEnded(viewer, 1000);
  });

  it('together with the request for it is heard as well', async () => {
    const viewer = new RawViewer(server.port);
    viewer.socket.write(frame({ opcode: PING, payload: PROBE }));
    await until(() => viewer.pongs.includes(PROBE));
    viewer.socket.destroy();
    await until(() => server.server.viewers === 1);
  });

  it('is never compressed, whatever is offered', async () => {
    const offer = 'permessage-deflate; client_max_window_bits; server_no_context_takeover';
    const viewer = await new RawViewer(server.port, { 'Sec-WebSocket-Extensions': offer }).greeted();
    assert.doesNotMatch(viewer.head, /sec-websocket-extensions/i);
    viewer.socket.destroy();
    await until(() => server.server.viewers === 1);
  });
});
