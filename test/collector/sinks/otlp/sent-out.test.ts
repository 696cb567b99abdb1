import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, it } from 'vitest';
import { sentOut } from '../../../../src/collector/sinks/otlp/sent-out.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import { milliseconds } from '../../../../src/core/units.ts';
import { OtlpReceiver } from '../../../support/otlp/receiver.ts';
import { until } from '../../../support/poll.ts';
import { oneOfEach } from '../postgres/events.ts';
import { exporting, removeDirectories, SENDER, sent, temporaryDirectory } from './exporting.ts';

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
  removeDirectories();
});

const [call, query] = oneOfEach().filter(({ signal }) => signal === 'llm-call' || signal === 'rag-query') as [
  NervecenterEvent,
  NervecenterEvent,
];
const other = (event: NervecenterEvent, id: string): NervecenterEvent => ({ ...event, id });
const takenBack = (event: NervecenterEvent): NervecenterEvent => ({ ...event, retractsMs: milliseconds(1) });

it('what takes the place of something that was sent is not sent, and what there is more of is', () => {
  const [first, second] = [other(call, 'first'), other(call, 'second')];
  assert.deepEqual(sentOut([call, query]), [call, query]);
  assert.deepEqual(sentOut([takenBack(call), first, second, query]), [second, query]);
  assert.deepEqual(sentOut([takenBack(call), takenBack(query), call, query]), []);
  assert.deepEqual(sentOut([takenBack(query), query, first]), [first], 'the same once more, and a new one');
  assert.deepEqual(sentOut([takenBack(call), query]), [query], 'of another signal');
  assert.deepEqual(
    sentOut([takenBack(call), other(query, call.id)]),
    [other(query, call.id)],
    'of the same span',
  );
});

it('what one trace takes back stands for no call of another', () => {
  const inTrace = (digit: string, id: string) =>
    ({ ...call, traceId: digit.repeat(32), id }) as NervecenterEvent;
  const [p, b, c] = [inTrace('a', 'p'), inTrace('b', 'b'), inTrace('a', 'c')];
  assert.deepEqual(sentOut([b, takenBack(p), c]), [b]);
  assert.deepEqual(sentOut([takenBack(p), c, b]), [b]);
  assert.deepEqual(sentOut([takenBack(p), takenBack(inTrace('a', 'q')), c, b]), [b]);
});

/** What deciding a trace once tells: what it takes back, then what is so instead, some of it told before. */
const decided = fc
  .array(fc.record({ query: fc.boolean(), became: fc.constantFrom('gone', 'same', 'new') }), { maxLength: 6 })
  .map((facts) => (traceId: string) => {
    const made = facts.map(({ query: isQuery, became }, index) => {
      const event = { ...(isQuery ? query : call), traceId, id: `${traceId} ${index}` } as NervecenterEvent;
      return { back: became === 'new' ? [] : [takenBack(event)], told: became === 'gone' ? [] : [event] };
    });
    return [...made.flatMap(({ back }) => back), ...made.flatMap(({ told }) => told)];
  });

it('whichever traces are offered together, the same is sent', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(decided, fc.boolean()), { minLength: 1, maxLength: 8 }), (traces) => {
      const apart: NervecenterEvent[][] = [];
      const together: NervecenterEvent[][] = [[]];
      for (const [index, [make, endsOffer]] of traces.entries()) {
        const events = make(index.toString(16).padStart(32, '0'));
        apart.push(events);
        together.at(-1)?.push(...events);
        if (endsOffer) together.push([]);
      }
      assert.deepEqual(together.flatMap(sentOut), apart.flatMap(sentOut));
    }),
  );
});

it('what is taken back of one service leaves who wants only another its calls', async () => {
  const receivers = [await OtlpReceiver.start(), await OtlpReceiver.start()] as const;
  const targets = receivers.map(({ url }, index) => ({
    name: `target-${index}`,
    endpoint: url,
    nervecenter: true,
    ...(index === 0 ? {} : { services: ['gateway'] }),
  }));
  const dataDir = temporaryDirectory();
  writeFileSync(`${dataDir}/targets.json`, JSON.stringify(targets));
  const { exporter } = await exporting({ NERVECENTER_OTLP_TARGETS: 'targets.json' }, dataDir);
  running.push(...receivers.map((receiver) => () => receiver.stop()), () => exporter.shutdown(2000));
  const gateway = { instanceId: SENDER.instanceId, service: 'gateway' };
  const moved = sent([other(call, '01a0b0c0-0000-7000-8000-000000000001')], gateway);
  await exporter.offer([...sent([takenBack(call)]), ...moved]);
  await until(() => exporter.counts().every(({ waiting }) => waiting === 0));
  assert.deepEqual(
    receivers.map(({ logs }) => logs.length),
    [0, 1],
    'who has all services has a call of this trace',
  );
});
