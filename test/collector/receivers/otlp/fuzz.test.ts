import assert from 'node:assert/strict';
import { it } from 'vitest';
import type { OtlpSpan } from '../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS, TraceAssembler } from '../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { wantedKeys } from '../../../../src/collector/receivers/otlp/spans/people.ts';
import { fuzz } from './fuzz.ts';
import { ALL_TAKEN, GrpcSender, type Received, startReceiver } from './receiver.ts';

const BODIES = 20_000;
const SEED = 7;
const GROWN_MIB_MAX = 300;

it(`${BODIES.toLocaleString('en')} mutated bodies are accepted or refused with a reason, and leave nothing behind`, async (test) => {
  const { failures, consume } = deciding();
  const receiver = await startReceiver(test, { consume, wantedKeys: wantedKeys(null) });
  const victim = {
    ...receiver,
    forget: () => {
      receiver.received.length = 0;
    },
  };
  const { answers, wrong, rssGrownMib } = await fuzz(
    victim,
    new GrpcSender(test, receiver.grpc),
    BODIES,
    SEED,
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual(receiver.logs, []);
  assert.deepEqual(failures, []);
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  assert.equal(total, BODIES);
  assert.ok((answers['200'] ?? 0) > BODIES / 100, JSON.stringify(answers));
  assert.ok((answers['400'] ?? 0) > BODIES / 2, JSON.stringify(answers));
  assert.ok(rssGrownMib < GROWN_MIB_MAX, `${rssGrownMib} MiB`);
  assert.equal((await receiver.post('/v1/traces', '{}', { 'content-type': 'application/json' })).status, 200);
});

/** Decides the spans that were accepted, at once. What it throws is no refusal: their sender was told that they are accepted. */
function deciding() {
  const failures: unknown[] = [];
  let nowMs = 0;
  const assembler = new TraceAssembler({
    now: () => nowMs,
    onDecided: () => {},
    onFailed: (error) => failures.push(error),
  });
  const consume = async ({ signal, records, delivery }: Received) => {
    if (signal !== 'traces') return ALL_TAKEN;
    const spans = records as readonly OtlpSpan[];
    try {
      for (const span of spans) span.allAttributes();
      assembler.accept(spans, delivery.body.length);
      nowMs += HOLD_MAX_MS;
      assembler.tick();
    } catch (error) {
      failures.push(error);
    }
    return ALL_TAKEN;
  };
  return { failures, consume };
}
