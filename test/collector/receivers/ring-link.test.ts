import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, vi } from 'vitest';
import type { AgentLink } from '../../../src/collector/agent-link.ts';
import { RingLink } from '../../../src/collector/receivers/ring-link.ts';
import type { CollectorMessage, RecordsMessage } from '../../../src/core/frame.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { PieceReader } from '../../../src/link/ring/piece-reader.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { requestEvent, sourceNamed } from '../../link/messages.ts';

const HELLO = { type: 'hello', source: sourceNamed('app') };
/** Between two looks. */
const READ_MS = 30;
/** Longer than the reader stays awake. */
const LATER_MS = 100;
/** Of some 80 bytes each. */
const EVENTS_OF_TWO_MIB = 25_000;

const numberedId = (number: number) => `0190a5f0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;

/** The agent's side of a port: what it posts arrives at once. */
class Port implements AgentLink {
  readonly sent: CollectorMessage[] = [];
  isClosed = false;
  closed: () => void = () => {};
  #listener: (message: unknown) => void = () => {};

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
  }

  onClose(listener: () => void): void {
    this.closed = listener;
  }

  send(message: CollectorMessage): void {
    this.sent.push(message);
  }

  close(): void {
    this.isClosed = true;
  }

  post(message: unknown): void {
    this.#listener(message);
  }
}

/** An app with its ring, and the collector's end of it. */
function linked() {
  const ring = new RingWriter(() => assert.fail('dropped'));
  const port = new Port();
  let wakes = 0;
  const shared = ring.share({
    onWake: () => {
      wakes++;
      port.post({ type: 'wake' });
    },
    onSegment: (segment) => port.post({ type: 'segment', segment }),
  });
  const link = new RingLink(port, shared);
  const received: unknown[] = [];
  link.onMessage((message) => received.push(message));
  const pieces = new PieceReader();
  return {
    ring,
    port,
    link,
    write: (event = requestEvent()) => {
      assert.ok(ring.append(event, writeEvent));
      return event.id;
    },
    wakes: () => wakes,
    /** What came since the last call: ids of events, and the types of other messages. */
    told: () =>
      received.splice(0).flatMap((message) => {
        const { type } = message as { readonly type: string };
        if (type !== 'records') return [type];
        return pieces.events(message as RecordsMessage).map(({ event }) => event?.['id']);
      }),
    batches: () =>
      received.flatMap((message) =>
        'batch' in (message as object) ? [(message as RecordsMessage).batch] : [],
      ),
  };
}

describe('a link beside a ring', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('takes nothing before its agent has said who it is', () => {
    const { port, write, told } = linked();
    const id = write();
    port.post({ type: 'wake' });
    port.post({ type: 'ask' });
    vi.advanceTimersByTime(LATER_MS);
    assert.deepEqual(told(), ['ask']);
    port.post(HELLO);
    assert.deepEqual(told(), ['hello', id]);
  });

  it('hands events over before the messages that were sent after them', () => {
    const { port, write, told } = linked();
    port.post(HELLO);
    const ids = [write(), write()];
    port.post({ type: 'frame-bytes' });
    assert.deepEqual(told(), ['hello', ...ids, 'frame-bytes']);
  });

  it('reads some milliseconds after it was woken, and on without that, then sleeps until it is woken again', () => {
    const { port, write, told, wakes } = linked();
    port.post(HELLO);
    told();
    const first = write();
    assert.equal(wakes(), 1);
    const second = write();
    assert.equal(wakes(), 1, 'it is awake');
    assert.deepEqual(told(), [], 'events are gathered');
    vi.advanceTimersByTime(READ_MS);
    assert.deepEqual(told(), [first, second]);
    const third = write();
    vi.advanceTimersByTime(READ_MS);
    assert.deepEqual(told(), [third]);
    assert.equal(wakes(), 1);
    vi.advanceTimersByTime(LATER_MS);
    assert.equal(vi.getTimerCount(), 0, 'it sleeps');
    const fourth = write();
    assert.equal(wakes(), 2);
    vi.advanceTimersByTime(READ_MS);
    assert.deepEqual(told(), [fourth]);
  });

  it('need not be woken by what comes every 60 ms, and takes it within 30', () => {
    const { port, write, told, wakes } = linked();
    port.post(HELLO);
    told();
    for (let time = 0; time < 10; time++) {
      const id = write();
      vi.advanceTimersByTime(READ_MS);
      assert.deepEqual(told(), [id]);
      vi.advanceTimersByTime(60 - READ_MS);
    }
    assert.equal(wakes(), 1);
  });

  it('reads a segment that came after it was written to', () => {
    const ring = new RingWriter(() => assert.fail('dropped'));
    const port = new Port();
    const segments: unknown[] = [];
    const link = new RingLink(
      port,
      ring.share({ onWake: () => {}, onSegment: (segment) => segments.push(segment) }),
    );
    const received: unknown[] = [];
    link.onMessage((message) => received.push(message));
    port.post(HELLO);
    assert.ok(ring.append(requestEvent(), writeEvent));
    vi.advanceTimersByTime(LATER_MS);
    assert.deepEqual(received, [HELLO], 'nobody has told it of the segment');
    assert.equal(segments.length, 1);
    port.post({ type: 'segment', segment: segments[0] });
    vi.advanceTimersByTime(LATER_MS);
    assert.equal(received.length, 2);
  });

  it('keeps acceptance to itself, tells all else, and gives the room back', () => {
    const { ring, port, link, write, batches } = linked();
    port.post(HELLO);
    write();
    vi.advanceTimersByTime(READ_MS);
    const [batch = 0] = batches();
    assert.equal(ring.unaccepted().length, 1);
    link.send({ type: 'accepted', batch });
    assert.deepEqual(ring.unaccepted(), []);
    assert.deepEqual(port.sent, []);
    link.send({ type: 'started', notice: 'here' });
    assert.deepEqual(port.sent, [{ type: 'started', notice: 'here' }]);
  });

  it('leaves more than a mebibyte of events where they are until some are accepted, but not at the end', () => {
    const { port, link, write, told, batches } = linked();
    port.post(HELLO);
    const event = requestEvent();
    const ids = Array.from({ length: EVENTS_OF_TWO_MIB }, (_, index) =>
      write({ ...event, id: numberedId(index) }),
    );
    vi.advanceTimersByTime(LATER_MS);
    const taken = batches();
    const before = told().filter((one) => one !== 'hello');
    assert.ok(before.length > 0 && before.length < ids.length, `${before.length} of ${ids.length}`);
    for (const batch of taken.slice(0, 2)) link.send({ type: 'accepted', batch });
    vi.advanceTimersByTime(LATER_MS);
    const more = told();
    assert.ok(more.length > 0);
    port.post({ type: 'goodbye' });
    assert.deepEqual([...before, ...more, ...told()], [...ids, 'goodbye']);
  });

  it('takes nothing once it is muted, and closes its port', () => {
    const { ring, port, link, write, told } = linked();
    port.post(HELLO);
    const id = write();
    vi.advanceTimersByTime(READ_MS);
    assert.deepEqual(told(), ['hello', id]);
    link.mute();
    write();
    port.post({ type: 'frame-bytes' });
    vi.advanceTimersByTime(LATER_MS);
    assert.deepEqual(told(), []);
    assert.equal(ring.unaccepted().length, 1, 'its sender keeps it');
    link.close();
    assert.ok(port.isClosed);
  });

  it('says when its port is closed', () => {
    const { port, link } = linked();
    let closes = 0;
    link.onClose(() => closes++);
    port.closed();
    assert.equal(closes, 1);
  });
});
