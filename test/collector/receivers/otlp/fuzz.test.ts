import assert from 'node:assert/strict';
import { it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { GrpcSender, startReceiver } from './receiver.ts';

const BODIES = 20_000;
const SEED = 7;
const GROWN_MIB_MAX = 300;

it(`${BODIES.toLocaleString('en')} mutated bodies are accepted or refused with a reason, and leave nothing behind`, async (test) => {
  const receiver = await startReceiver(test);
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
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  assert.equal(total, BODIES);
  assert.ok((answers['200'] ?? 0) > BODIES / 100, JSON.stringify(answers));
  assert.ok((answers['400'] ?? 0) > BODIES / 2, JSON.stringify(answers));
  assert.ok(rssGrownMib < GROWN_MIB_MAX, `${rssGrownMib} MiB`);
  assert.equal((await receiver.post('/v1/traces', '{}', { 'content-type': 'application/json' })).status, 200);
});
