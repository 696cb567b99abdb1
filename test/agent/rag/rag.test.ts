import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, it } from 'vitest';
import { currentContext, runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import {
  queryHash,
  type RagQuery,
  type RagQueryAttributes,
  runRagQuery,
} from '../../../src/agent/rag/rag.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import { ClockedAgent } from '../../support/clocked-agent.ts';
import { Builder } from '../vector-stores/query-builder.ts';

const RAG = join(import.meta.dirname, '..', '..', '..', 'src', 'agent', 'rag', 'rag.ts');

let agent: ClockedAgent;
let invalid: string[];
let run: <T>(fn: (query: RagQuery) => T, attributes?: RagQueryAttributes) => T;
const events = () => agent.events as RagQueryEvent[];
const only = (): RagQueryEvent => {
  assert.equal(agent.events.length, 1);
  return agent.events[0] as RagQueryEvent;
};

beforeEach(() => {
  agent = new ClockedAgent();
  invalid = [];
  const dependencies = {
    agent,
    stageNames: new StageNames(),
    onInvalid: (_recorder: string, field: string) => void invalid.push(field),
  };
  run = (fn, attributes = {}) => runRagQuery(dependencies, attributes, fn);
});

describe('what a query returns or throws', () => {
  it('is passed through when it is synchronous', () => {
    const result = { deep: [1] };
    assert.equal(
      run(() => result),
      result,
    );
    assert.equal(only().outcome, 'ok');
  });

  it('is passed through when it is a promise, and the query ends with it', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const answer = run(() => promise);
    assert.ok(answer instanceof Promise);
    assert.equal(agent.events.length, 0);
    agent.nowMs += 70;
    resolve('yes');
    assert.equal(await answer, 'yes');
    assert.equal(only().durationMs, 70);
  });

  it('is passed through when it is a thenable, whose `then` runs the work once', async () => {
    let runs = 0;
    const builder = {
      // biome-ignore lint/suspicious/noThenProperty: query builders such as knex are just that.
      then: (resolve: (rows: number[]) => void) => {
        runs++;
        resolve([1, 2]);
      },
    } as PromiseLike<number[]>;
    assert.deepEqual(await run(() => builder), [1, 2]);
    assert.equal(runs, 1);
    assert.equal(only().outcome, 'ok');
  });

  it("is the very object when it is a provider's own kind of promise", async () => {
    class ApiPromise<T> extends Promise<T> {
      withResponse = () => 'raw';
    }
    const own = ApiPromise.resolve(5) as ApiPromise<number>;
    const answer = run(() => own);
    assert.equal(answer, own);
    assert.equal(answer.withResponse(), 'raw');
    assert.equal(await answer, 5);
    assert.equal(only().outcome, 'ok');
    const failing = run(() => ApiPromise.reject(new RangeError('no')) as ApiPromise<number>);
    await assert.rejects(failing, RangeError);
    assert.equal(events()[1]?.errorType, 'RangeError');
  });

  it('is a query builder the app goes on building, which runs in its stage when it is awaited', async () => {
    await run(async (query) => {
      const inside = currentContext();
      const builder = new Builder();
      assert.equal(
        query.stage('a', () => builder),
        builder,
      );
      agent.nowMs += 10;
      assert.equal(
        await builder.limit(5).then(() => currentContext()),
        inside,
        'the app goes on where it was',
      );
      assert.notEqual(builder.seen, inside);
      assert.equal(await builder.limit(6), 'limit 6');
      assert.deepEqual(Object.keys(builder), ['rows', 'seen']);
      agent.nowMs += 5;
      const frozen = Object.freeze(new Builder());
      assert.equal(
        query.stage('b', () => frozen),
        frozen,
      );
      agent.nowMs += 5;
    });
    assert.deepEqual({ ...only().stages }, { a: 10, b: 0 });
  });

  it('is thrown again, and only the class of it is kept', async () => {
    const secret = new TypeError('the text of a user');
    assert.throws(
      () =>
        run(() => {
          throw secret;
        }),
      (error) => error === secret,
    );
    await assert.rejects(
      run(() => Promise.reject(secret)),
      (error) => error === secret,
    );
    await assert.rejects(
      run(() => Promise.reject('no error at all')),
      (error) => error === 'no error at all',
    );
    assert.deepEqual(
      events().map(({ outcome, errorType }) => [outcome, errorType]),
      [
        ['error', 'TypeError'],
        ['error', 'TypeError'],
        ['error', '_OTHER'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(agent.events), /the text of a user/);
  });

  it('is thrown again whatever became of its name', () => {
    for (const name of [5, '', 'A sentence by a user, as a name', 'x'.repeat(500)]) {
      const odd = Object.assign(new Error('odd'), { name });
      assert.throws(
        () =>
          run(() => {
            throw odd;
          }),
        (error) => error === odd,
      );
    }
    assert.deepEqual(
      events().map(({ errorType }) => errorType),
      ['5', '_OTHER', '_OTHER', '_OTHER'],
    );
  });

  it('is an unhandled rejection exactly when it was one without us', () => {
    const script = `
      import { NO_QUERY, runRagQuery } from ${JSON.stringify(RAG)};
      const agent = { clock: { monotonicMs: () => 0, epochMs: () => 0 }, emit() {}, cacheLookup() {}, beforeEnd() {} };
      const to = { agent, stageNames: { admit: (name) => name }, onInvalid() {} };
      const run = process.argv[1] === 'with' ? (fn) => runRagQuery(to, {}, fn) : (fn) => fn(NO_QUERY);
      process.on('unhandledRejection', (reason) => console.log('unhandled', reason));
      class Own extends Promise {}
      run(() => Promise.reject('nobody looks'));
      run(() => Own.reject('nobody looks at an own one'));
      run(() => Own.reject('caught')).catch(() => {});
      run(() => Own.reject('own, finally')).finally(() => {});
      run((query) => { query.stage('a', () => Promise.reject('a stage nobody awaits')); });
      run(() => Promise.reject('caught')).catch(() => {});
      run(async (query) => { try { await query.stage('a', async () => { throw 'caught inside'; }); } catch {} });`;
    const outcome = (how: string) =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script, how], { encoding: 'utf8' })
        .split('\n')
        .sort();
    const without = outcome('without');
    assert.deepEqual(outcome('with'), without);
    const unhandled = ['a stage nobody awaits', 'nobody looks', 'nobody looks at an own one', 'own, finally'];
    assert.deepEqual(without, ['', ...unhandled.map((reason) => `unhandled ${reason}`)]);
  });
});

describe('stages', () => {
  it('add up by name, and share the moments in which they run in parallel', async () => {
    const slow = Promise.withResolvers<void>();
    const fast = Promise.withResolvers<void>();
    const done = run(async (query) => {
      query.stage('rerank', () => {
        agent.nowMs += 5;
      });
      query.stage('rerank', () => {
        agent.nowMs += 6;
      });
      await Promise.all([
        query.stage('embedding', () => slow.promise),
        query.stage('vector_search', () => fast.promise),
      ]);
    });
    agent.nowMs += 10;
    fast.resolve();
    await turn();
    agent.nowMs += 20;
    slow.resolve();
    await done;
    assert.deepEqual(only().stages, { rerank: 11, vector_search: 5, embedding: 25 });
    assert.equal(only().durationMs, 41);
  });

  it('that fail are timed and fail as they would', async () => {
    await assert.rejects(
      run((query) =>
        query.stage('embedding', async () => {
          agent.nowMs += 3;
          throw new Error('down');
        }),
      ),
      /down/,
    );
    assert.deepEqual(only().stages, { embedding: 3 });
  });

  it('have any names, but not any number of them', () => {
    run((query) => {
      for (let i = 0; i < 500; i++) query.stage(`stage-${i}`, () => {});
      for (const name of ['__proto__', 'constructor', '', 5, null, {}, 'x'.repeat(1000)]) {
        query.stage(name as string, () => {});
      }
    });
    const names = Object.keys(only().stages);
    // As many as have a place, and as many that took one from another.
    assert.ok(names.length <= 61, String(names.length));
    assert.ok(names.includes('other'));
  });

  it('may be called after names of the language itself', () => {
    run((query) => {
      query.stage('__proto__', () => {
        agent.nowMs += 1;
      });
      query.stage('constructor', () => {
        agent.nowMs += 2;
      });
    });
    assert.deepEqual(Object.entries(only().stages), [
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });
});

describe('queries', () => {
  it('inside and beside each other keep their own stages, results and look-ups, and share a trace', async () => {
    await runInContext(new WorkContext({ user: { email: 'ada@example.com' } }), () =>
      Promise.all([
        run(async (outer) => {
          await run(async (inner) => {
            inner.result({ chunksRetrieved: 1 });
            currentContext()?.ragScope?.sawCacheLookup('rag', true);
            await inner.stage('embedding', () => turn());
          });
          outer.result({ chunksRetrieved: 2 });
        }),
        run(async (query) => {
          await turn();
          query.result({ chunksRetrieved: 3 });
        }),
      ]),
    );
    const found = events()
      .map(({ chunksRetrieved, cacheHit, stages, userEmail }) => [
        chunksRetrieved,
        cacheHit,
        Object.keys(stages).length,
        userEmail,
      ])
      .sort();
    assert.deepEqual(found, [
      [1, true, 1, 'ada@example.com'],
      [2, null, 0, 'ada@example.com'],
      [3, null, 0, 'ada@example.com'],
    ]);
    assert.equal(new Set(events().map(({ traceId }) => traceId)).size, 1);
    assert.equal(new Set(events().map(({ id }) => id)).size, 3);
  });

  it('name whom they are for, who is nobody outside of them', () => {
    run(() => {}, { userEmail: 'bob@example.com', department: 'sales' });
    assert.deepEqual([only().userEmail, only().department], ['bob@example.com', 'sales']);
    assert.equal(currentContext(), undefined);
  });
});

describe('the hash of a query', () => {
  it('is the same for texts that differ in form only', () => {
    const expected = createHash('sha256').update('what is this?').digest('hex');
    for (const text of ['what is this?', '  What IS\t\nthis? ', 'ｗｈａｔ is this?', 'what\u00a0is this?']) {
      assert.equal(queryHash(text), expected, JSON.stringify(text));
    }
    assert.notEqual(queryHash('what is that?'), expected);
    run(() => {}, { query: 'What is this?' });
    assert.equal(only().queryHash, expected);
  });

  it('takes any text, and nothing else', () => {
    run(() => {}, { query: '\ud800 lone \0'.repeat(10_000) });
    assert.match(only().queryHash ?? '', /^[0-9a-f]{64}$/);
    run(() => {}, { query: 5 as unknown as string });
    assert.equal(events()[1]?.queryHash, null);
    assert.deepEqual(invalid, ['query']);
  });
});

describe('the result of a query', () => {
  it('is taken field by field, later calls adding to earlier ones', () => {
    run((query) => {
      query.result({ chunksRetrieved: 3, topScore: -0.5 });
      query.result({ chunksUsed: 2, chunksRetrieved: 4 });
    });
    const { chunksRetrieved, chunksUsed, topScore, avgScore } = only();
    assert.deepEqual([chunksRetrieved, chunksUsed, topScore, avgScore], [4, 2, -0.5, null]);
    assert.deepEqual(invalid, []);
  });

  it('loses what cannot be used, and says which', () => {
    const bad = {
      chunksRetrieved: -1,
      chunksUsed: 1.5,
      cacheHit: 'yes',
      embeddingCacheHit: 1,
      topScore: Number.NaN,
      avgScore: Number.POSITIVE_INFINITY,
      threshold: '0.5',
    };
    run((query) => query.result(bad as never));
    const { chunksRetrieved, chunksUsed, cacheHit, embeddingCacheHit, topScore, avgScore, threshold } =
      only();
    const all = [chunksRetrieved, chunksUsed, cacheHit, embeddingCacheHit, topScore, avgScore, threshold];
    assert.deepEqual(
      all,
      all.map(() => null),
    );
    assert.deepEqual(invalid.sort(), Object.keys(bad).sort());
  });

  it('never throws at the app, whatever is given', () => {
    const throwing = {
      get chunksRetrieved(): number {
        throw new Error('a getter of the app');
      },
    };
    for (const bad of [null, undefined, 5, 'x', [], throwing]) {
      assert.equal(
        run((query) => {
          query.result(bad as never);
          return 'fine';
        }, bad as never),
        'fine',
      );
    }
    assert.equal(agent.events.length, 6);
  });
});

describe('cache look-ups of a query', () => {
  it('told by the app count as look-ups', () => {
    run((query) => query.result({ cacheHit: false, embeddingCacheHit: true }));
    assert.deepEqual(agent.lookups, [
      ['rag', false],
      ['embedding', true],
    ]);
  });

  it('that were seen are not counted again when the app tells them, too', () => {
    run((query) => {
      currentContext()?.ragScope?.sawCacheLookup('rag', false);
      query.result({ cacheHit: false, embeddingCacheHit: true });
    });
    assert.deepEqual(agent.lookups, [['embedding', true]]);
    assert.equal(only().cacheHit, false);
  });

  it('are known to the query when the app tells nothing; one hit of several is a hit', () => {
    run(() => {
      const scope = currentContext()?.ragScope;
      for (const hit of [false, true, false]) scope?.sawCacheLookup('embedding', hit);
      scope?.sawCacheLookup('sessions', true);
    });
    assert.deepEqual([only().cacheHit, only().embeddingCacheHit], [null, true]);
    assert.deepEqual(agent.lookups, []);
  });
});
