import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { OTLP_OUTCOMES } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import { eventRecord, INSTANCE, NOW_MS, Received, requestEvent, WRITER } from './received.ts';

describe("log records that are nervecenter's own events", () => {
  it('are those events, as they are or as JSON, of whoever sent them, batch by batch in order', async () => {
    const received = new Received();
    const [first, second, third] = ['/a', '/b', '/c'].map(requestEvent);
    const rejected = await received.take(
      [eventRecord(third!, 2), eventRecord(JSON.stringify(first), 1), eventRecord(second!, 1)],
      NOW_MS,
    );
    assert.deepEqual(rejected, { count: 0, message: '' });
    assert.deepEqual(
      received.offers.map(({ sent, events }) => [
        sent,
        events.map((event) => 'route' in event && event.route),
      ]),
      [
        [
          [WRITER, 1],
          ['/a', '/b'],
        ],
        [[WRITER, 2], ['/c']],
      ],
    );
    assert.deepEqual(received.events[0], { ...first, sender: { instanceId: INSTANCE, service: 'shop' } });
  });

  it('are accepted once, whoever sends the batch again', async () => {
    const received = new Received();
    const batch = [eventRecord(requestEvent('/a'), 1), eventRecord(requestEvent('/b'), 1)];
    await received.take(batch, NOW_MS);
    assert.deepEqual(await received.take(batch, NOW_MS), { count: 0, message: '' });
    assert.equal(received.events.length, 2);
    assert.deepEqual(received.counted(OTLP_OUTCOMES.name, 'outcome'), { event: 2, known: 2 });
  });

  it('are not taken again that the collector before has accepted', async () => {
    const received = new Received();
    received.sentBatches.add([[WRITER, 1]]);
    await received.take([eventRecord(requestEvent('/a'), 1), eventRecord(requestEvent('/b'), 2)], NOW_MS);
    assert.deepEqual(
      received.events.map((event) => 'route' in event && event.route),
      ['/b'],
    );
  });

  it('are refused without the shape of one, and the others of the request are not', async () => {
    const received = new Received();
    const { durationMs: _missing, ...incomplete } = requestEvent('/b');
    const { count, message } = await received.take(
      [
        eventRecord(requestEvent('/a')),
        eventRecord(incomplete),
        eventRecord('{'),
        eventRecord(7),
        eventRecord({ signal: 'toString' }),
      ],
      NOW_MS,
    );
    assert.equal(count, 4);
    assert.match(message, /have not the shape of one \(of another version\?\) \(first: request\)/);
    assert.equal(received.events.length, 1);
  });

  it('are refused, and no more, where they are nested deeper than any event', async () => {
    const received = new Received();
    const deep = JSON.stringify({ ...requestEvent('/a'), more: 'DEEP' }).replace(
      '"DEEP"',
      `${'['.repeat(8000)}${']'.repeat(8000)}`,
    );
    const { count } = await received.take([eventRecord(deep), eventRecord(requestEvent('/b'))], NOW_MS);
    assert.deepEqual([count, received.events.length], [1, 1]);
  });

  it('have nothing that no event has: no id of a record that others may not name', async () => {
    const received = new Received();
    const event = requestEvent('/a');
    await received.take(
      [eventRecord({ ...event, recordedId: true, recordedTraceId: 'x', sender: 'me' })],
      NOW_MS,
    );
    assert.deepEqual(received.events, [{ ...event, sender: { instanceId: INSTANCE, service: 'shop' } }]);
  });

  it('are not taken of another machine, whose figures would be among those of this one', async () => {
    const received = new Received();
    const reading = {
      signal: 'system',
      timeMs: NOW_MS,
      metricType: 'cpu',
      metricName: 'cpu_percent',
      value: 5,
      unit: 'percent',
    };
    await received.take(
      [
        eventRecord({ ...reading, id: randomUUID(), tags: {} }),
        eventRecord({
          ...reading,
          id: randomUUID(),
          metricName: 'process_threads',
          tags: { instance_id: INSTANCE },
        }),
      ],
      NOW_MS,
    );
    assert.deepEqual(
      received.events.map((event) => 'metricName' in event && event.metricName),
      ['process_threads'],
    );
  });
});
