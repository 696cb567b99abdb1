import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Audience, SKIPPED_TICKS_MAX, type ViewerSocket } from '../../../src/core/http/audience.ts';

const FRAME = new Uint8Array([0x81, 0x01, 0x78]);
const NO_FRAME = new Uint8Array(0);
const [OPEN, CLOSING] = [1, 2];

class Socket implements ViewerSocket {
  readyState = OPEN;
  terminated = false;
  ping(): void {}
  close(): void {
    this.readyState = CLOSING;
  }
  terminate(): void {
    this.terminated = true;
  }
  on(): void {}
}

class Connection {
  writableLength = 0;
  readonly written: Uint8Array[] = [];
  write(frame: Uint8Array): void {
    this.written.push(frame);
  }
}

function audienceOf(viewers: number) {
  const counts = { viewersSlow: 0, viewersSkippedTicks: 0, viewersTalkative: 0, viewersSilent: 0 };
  const audience = new Audience<Socket, number>(counts);
  const arrivals = Array.from({ length: viewers }, (_, who) => ({
    socket: new Socket(),
    connection: new Connection(),
    who,
  }));
  for (const arrival of arrivals) audience.add(arrival, NO_FRAME);
  return { audience, counts, arrivals };
}

describe('an audience', () => {
  it('gets the same bytes, each viewer once', () => {
    const { audience, arrivals } = audienceOf(3);
    assert.equal(audience.broadcast(FRAME), 0);
    for (const { connection } of arrivals) {
      assert.equal(connection.written.length, 1);
      assert.equal(connection.written[0], FRAME, 'not a copy');
    }
  });

  it('sends the first frame to whoever arrives, and nothing when there is none', () => {
    const { audience, arrivals } = audienceOf(1);
    const late = { socket: new Socket(), connection: new Connection(), who: 1 };
    audience.add(late, FRAME);
    assert.deepEqual(late.connection.written, [FRAME]);
    assert.deepEqual(arrivals[0]?.connection.written, []);
  });

  it('writes nothing after a goodbye, because a frame behind a close frame breaks the protocol', () => {
    const { audience, arrivals } = audienceOf(2);
    audience.dismiss({ code: 1008, reason: 'logged out' }, (who) => who === 0);
    audience.broadcast(FRAME);
    assert.deepEqual(
      arrivals.map(({ connection }) => connection.written.length),
      [0, 1],
    );
  });

  it('spares who has 64 KiB still to take, and ends who stays behind', () => {
    const { audience, counts, arrivals } = audienceOf(2);
    const [slow, full] = arrivals;
    assert.ok(slow !== undefined && full !== undefined);
    slow.connection.writableLength = 64 * 1024 + 1;
    full.connection.writableLength = 64 * 1024;
    for (let tick = 1; tick <= SKIPPED_TICKS_MAX; tick++) {
      assert.equal(slow.socket.terminated, false);
      assert.equal(audience.broadcast(FRAME), 1);
    }
    assert.deepEqual(
      [slow.connection.written.length, full.connection.written.length],
      [0, SKIPPED_TICKS_MAX],
    );
    assert.equal(slow.socket.terminated, true);
    assert.deepEqual([counts.viewersSkippedTicks, counts.viewersSlow], [SKIPPED_TICKS_MAX, 1]);
  });
});
