import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import {
  attributionOf,
  currentContext,
  runInContext,
  type User,
  WorkContext,
} from '../../../src/agent/context/context.ts';
import { ragQuery, recordLlmCall, setUser, withUser } from '../../../src/index.ts';

const ADA = { email: 'ada@example.com', department: 'research' };
const BOB = { email: 'bob@example.com' };
const who = (): User | undefined => currentContext()?.user;

describe('without the agent', () => {
  it('the functions only call what they are given', () => {
    assert.equal(
      withUser(ADA, () => who()),
      undefined,
    );
    setUser(ADA);
    recordLlmCall({ model: 'm', provider: 'p', latencyMs: 1 });
    assert.equal(
      ragQuery({}, (query) => query.stage('embedding', () => 3)),
      3,
    );
  });
});

describe('with the agent', () => {
  beforeAll(() => publishHandle({} as AgentHandle));
  afterAll(() => publishHandle(undefined));

  it('setUser reaches the request that the work belongs to, its own event included', async () => {
    const request = new WorkContext();
    await runInContext(request, async () => {
      await turn();
      setUser(ADA);
    });
    assert.deepEqual(attributionOf(request), {
      traceId: request.traceId,
      userEmail: ADA.email,
      department: ADA.department,
    });
  });

  it('withUser spans what is done inside it, also later, and nothing else', async () => {
    const inner = withUser(ADA, async () => {
      const outer = who();
      const nested = await withUser(BOB, async () => {
        await turn();
        return who();
      });
      await turn();
      return [outer, nested, who()];
    });
    assert.equal(who(), undefined);
    assert.deepEqual(await inner, [ADA, { ...BOB, department: undefined }, ADA]);
  });

  it('withUser tells of the request around it while nobody is known for that', () => {
    const request = new WorkContext();
    const inner = new WorkContext({ parent: request });
    runInContext(inner, () => withUser(undefined as never, () => {}));
    assert.equal(request.user, undefined);
    runInContext(inner, () => withUser(ADA, () => {}));
    runInContext(inner, () => withUser(BOB, () => {}));
    assert.equal(attributionOf(request).userEmail, ADA.email);
    runInContext(request, () => setUser(BOB));
    assert.equal(attributionOf(inner).userEmail, BOB.email);
  });

  it('keeps concurrent work apart and gives inner work the trace of the outer', async () => {
    const seen = await Promise.all(
      [ADA, BOB].map((user) =>
        runInContext(new WorkContext(), async () => {
          setUser(user);
          const { traceId } = currentContext() ?? {};
          await turn();
          return withUser({ department: 'x' }, () => [currentContext()?.traceId === traceId, traceId]);
        }),
      ),
    );
    assert.deepEqual(
      seen.map(([same]) => same),
      [true, true],
    );
    assert.notEqual(seen[0]?.[1], seen[1]?.[1]);
  });

  it('takes nonsense for nobody, and setUser outside of any work for nothing', () => {
    setUser(ADA);
    assert.equal(currentContext(), undefined);
    for (const bad of [undefined, null, 5, 'x', [], { email: 5, department: {} }]) {
      assert.deepEqual(
        withUser(bad as never, () => who()),
        { email: undefined, department: undefined },
      );
    }
  });

  it('passes on what the function throws', () => {
    assert.throws(
      () =>
        withUser(ADA, () => {
          throw new RangeError('mine');
        }),
      RangeError,
    );
  });
});
