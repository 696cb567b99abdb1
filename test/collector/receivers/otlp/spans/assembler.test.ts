import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { HOLD_MAX_MS, HOLD_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { hasShape } from '../../../../../src/core/signals/checks.ts';
import { SIGNALS } from '../../../../../src/core/signals/index.ts';
import { STARTED_MS, spanOf, traceId } from '../span.ts';
import { Assembly } from './assembly.ts';
import { agent, chain, chat, embeddings, httpClient, retrieval, server, span, wrapped } from './spans.ts';

const MINUTE = 60_000;

describe('calls', () => {
  it('are told when their trace is quiet and no parent is missing', () => {
    const assembly = new Assembly();
    assembly.accept([span(2, 1, chat())]);
    assembly.wait(HOLD_MS);
    assert.deepEqual(assembly.calls, []);
    assembly.accept([span(1, null)]);
    assembly.wait(HOLD_MS - 250);
    assert.deepEqual(assembly.calls, []);
    assembly.wait(250);
    assert.equal(assembly.calls.length, 1);
  });

  it('wait for a parent no longer than the longest time', () => {
    const assembly = new Assembly();
    assembly.accept([span(2, 1, chat())]);
    assembly.wait(HOLD_MAX_MS - 250);
    assert.deepEqual(assembly.calls, []);
    assembly.wait(250);
    assert.equal(assembly.calls.length, 1);
  });

  it('are counted once however many instrumentations see them, and no agent or chain around them, and no HTTP below', () => {
    const assembly = new Assembly();
    assembly.accept([
      span(1, null, server),
      span(2, 1, agent),
      span(3, 2, chain),
      span(4, 3, wrapped()),
      span(5, 4, chat()),
      span(6, 5, httpClient),
    ]);
    assembly.assembler.flush();
    assert.deepEqual(
      assembly.calls.map(({ usage, userEmail }) => [usage?.inputUncached, usage?.outputText, userEmail]),
      [[10, 5, 'ann@example.com']],
    );
    assert.equal(assembly.requests.length, 1);
  });

  it('are each counted where one span goes around several', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null, wrapped(30, 15)), span(2, 1, chat()), span(3, 1, chat(20, 10))]);
    assembly.assembler.flush();
    assert.deepEqual(
      assembly.calls.map(({ usage }) => usage?.inputUncached),
      [10, 20],
    );
  });

  it('of another kind inside do not make a call a roll-up', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null, chat()), span(2, 1, embeddings)]);
    assembly.assembler.flush();
    assert.deepEqual(assembly.calls.map(({ operation }) => operation).sort(), ['chat', 'embeddings']);
  });

  it('are known as roll-ups also minutes later', () => {
    const assembly = new Assembly();
    assembly.accept([span(3, 2, chat())]);
    assembly.wait(HOLD_MAX_MS);
    assembly.wait(5 * MINUTE);
    assembly.accept([span(2, 1), span(1, null, wrapped())]);
    assembly.wait(MINUTE);
    assert.equal(assembly.calls.length, 1);
    assert.equal(assembly.assembler.counts().duplicates, 0);
  });

  it('that come after the call around them was counted are part of it', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null, wrapped())]);
    assembly.wait(MINUTE);
    assembly.accept([span(3, 2, chat()), span(2, 1, httpClient)]);
    assembly.wait(MINUTE);
    assert.equal(assembly.calls.length, 1);
  });

  it('of two instrumentations beside each other are one by the id of the answer', () => {
    const assembly = new Assembly();
    const answer = { 'gen_ai.response.id': 'chatcmpl-1' };
    const callback = { ...chat(10, 5, answer), scope: 'callbacks' };
    assembly.accept([
      span(1, null),
      span(2, 1, callback, [0, 100]),
      span(3, 1, chat(10, 5, answer), [5, 90]),
    ]);
    assembly.wait(HOLD_MS);
    assert.deepEqual(
      assembly.told.map(({ spanId }) => spanId.at(-1)),
      ['3'],
    );
    assembly.accept([span(4, 1, { ...callback, scope: 'late' })]);
    assembly.wait(MINUTE);
    assert.equal(assembly.calls.length, 1);
  });

  it('with one id of an answer in one instrumentation are as many as there are', () => {
    const assembly = new Assembly();
    const cached = chat(10, 5, { 'gen_ai.response.id': 'chatcmpl-1' });
    assembly.accept([span(1, null, cached), span(2, null, cached)]);
    assembly.assembler.flush();
    assert.equal(assembly.calls.length, 2);
  });

  it('across services are one where a gateway makes the call', () => {
    const assembly = new Assembly();
    const gateway = { attributes: { 'service.name': 'gateway' } };
    assembly.accept([
      span(5, 4, { ...chat(), resource: gateway }),
      span(4, 3, { ...server, resource: gateway }),
    ]);
    assembly.accept([span(3, 2, httpClient), span(2, 1, wrapped()), span(1, null, server)]);
    assembly.assembler.flush();
    assert.deepEqual(
      assembly.calls.map(({ sender }) => sender?.service),
      ['gateway'],
    );
    assert.equal(assembly.requests.length, 2);
  });

  it('whose spans are their own ancestors end', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, 2, chat()), span(2, 1, wrapped()), span(3, 3, chat()), span(4, 1, embeddings)]);
    assembly.assembler.flush();
    assert.equal(assembly.calls.filter(({ operation }) => operation === 'embeddings').length, 1);
    assert.ok(assembly.calls.length <= 3);
  });

  it('of models inside the app are stages and no calls', () => {
    const assembly = new Assembly();
    assembly.accept([
      span(1, null, {
        attributes: { 'openinference.span.kind': 'EMBEDDING', 'embedding.model_name': 'local' },
      }),
    ]);
    assembly.assembler.flush();
    assert.deepEqual(assembly.calls, []);
  });
});

describe('requests', () => {
  it('are told at once, by route, for whom the span says', () => {
    const assembly = new Assembly();
    const { events, rejected } = assembly.accept([span(1, null, server, [0, 250])]);
    assert.equal(rejected.count, 0);
    const [{ event }] = events as [(typeof events)[number]];
    assert.deepEqual(
      { ...event, id: '', sender: event.sender?.service },
      {
        signal: 'request',
        id: '',
        timeMs: STARTED_MS + 250,
        sender: 'app',
        traceId: span(1, null).traceId,
        userEmail: 'ann@example.com',
        department: null,
        route: '/ask',
        method: 'POST',
        statusCode: 200,
        requestBytes: null,
        responseBytes: null,
        durationMs: 250,
      },
    );
  });

  const statuses: readonly [string, object, 'unset' | 'error', number][] = [
    ['the older name', { 'http.method': 'get', 'http.status_code': 404 }, 'unset', 404],
    ['none, failed', { 'http.request.method': 'GET' }, 'error', 500],
    ['none: the client left', { 'http.request.method': 'GET' }, 'unset', 499],
    ['no status', { 'http.request.method': 'GET', 'http.response.status_code': 0 }, 'unset', 499],
  ];
  for (const [name, attributes, status, code] of statuses) {
    it(`have a status and no raw path: ${name}`, () => {
      const assembly = new Assembly();
      assembly.accept([
        span(1, null, { kind: 'server', attributes: { ...attributes, 'url.path': '/u/7' }, status }),
      ]);
      const [request] = assembly.requests;
      assert.deepEqual([request?.statusCode, request?.method, request?.route], [code, 'GET', '<unmatched>']);
    });
  }

  it('that a framework and the server below it see are one, in either order', () => {
    const inner = span(3, 2, server);
    const middle = span(2, 1);
    const outer = span(1, null, server);
    for (const batches of [
      [[outer, middle, inner]],
      [[inner], [middle], [outer]],
      [[inner, middle], [outer]],
    ]) {
      const assembly = new Assembly();
      for (const batch of batches) assembly.accept(batch);
      assert.equal(assembly.requests.length, 1);
    }
  });

  it('that nervecenter tells of inside each other are several, and sessions are told with them', () => {
    const ours = { ...server, scope: 'nervecenter' };
    const session = { scope: 'nervecenter', kind: 'server', name: 'websocket session' } as const;
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
    ]) {
      const spans = [span(1, null, ours), span(2, 1, ours), span(3, null, session)];
      const assembly = new Assembly();
      for (const at of order) assembly.accept(spans.slice(at, at + 1));
      assembly.accept(spans);
      assembly.wait(HOLD_MAX_MS);
      assert.equal(assembly.requests.length, 2);
      assert.equal(assembly.events.filter(({ signal }) => signal === 'ws-session').length, 1);
      assert.equal(assembly.retractions, 0);
    }
  });

  it('that a process sends to itself are two', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null, server), span(2, 1, httpClient), span(3, 2, server)]);
    assert.equal(assembly.requests.length, 2);
  });

  it('have at most 1000 routes, and as many again while they may change hands', () => {
    const assembly = new Assembly();
    for (let i = 0; i < 2500; i++) {
      const attributes = { 'http.request.method': 'GET', 'http.route': `/r${i}` };
      assembly.accept([spanOf({ traceId: traceId(i), kind: 'server', attributes })]);
    }
    assert.equal(new Set(assembly.requests.map(({ route }) => route)).size, 1499);
    assert.equal(assembly.requests.at(-1)?.route, '<other>');
  });
});

describe('people', () => {
  it('are those of the nearest span above that knows them, else of the process', () => {
    const assembly = new Assembly({ userHeaders: { email: null, department: 'x-team' } });
    const resource = { attributes: { 'service.name': 'job', 'enduser.id': 'nightly' } };
    const known = {
      ...server,
      attributes: { ...server.attributes, 'http.request.header.x-team': ['legal'] },
    };
    const parts = [
      span(1, null, known),
      span(2, 1, { attributes: { 'user.id': 'bob', department: 'sales' } }),
      span(3, 2, chat()),
      span(4, 1, chat()),
      span(5, null, { ...chat(), resource }),
    ];
    assembly.accept(parts.map((one) => ({ ...one, attributes: one.allAttributes() })));
    assembly.assembler.flush();
    assert.deepEqual(
      assembly.calls.map(({ userEmail, department }) => [userEmail, department]),
      [
        ['bob', 'sales'],
        ['ann@example.com', 'legal'],
        ['nightly', null],
      ],
    );
  });
});

describe('spans that come again', () => {
  it('in other batches make nothing', () => {
    const spans = [span(1, null, server), span(2, 1, chain), span(3, 2, retrieval()), span(4, 2, chat())];
    const assembly = new Assembly();
    assembly.accept(spans);
    assembly.accept(spans.slice(1));
    assembly.wait(MINUTE);
    const told = assembly.events.length;
    assembly.accept(spans.toReversed());
    assembly.wait(MINUTE);
    assert.equal(told, 3);
    assert.equal(assembly.events.length, told);
    assert.equal(assembly.assembler.counts().duplicates, 3 + 4);
  });

  it('are still the same rows after a restart', () => {
    const spans = [span(1, null, server), span(2, 1, retrieval()), span(3, 1, chat())];
    const [one, other] = [new Assembly(), new Assembly()];
    one.accept(spans);
    for (const each of spans.toReversed()) other.accept([each]);
    for (const { assembler } of [one, other]) assembler.flush();
    const ids = (assembly: Assembly) => [...assembly.events, ...assembly.kept].map(({ id }) => id).sort();
    assert.deepEqual(ids(one), ids(other));
  });
});

describe('events of spans', () => {
  it('are what their signals accept', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null, server), span(2, 1, chain), span(3, 2, retrieval()), span(4, 2, chat())]);
    assembly.assembler.flush();
    for (const event of assembly.events)
      assert.ok(hasShape(event, SIGNALS[event.signal].accepts), event.signal);
    assert.equal(assembly.events.length, 3);
  });

  it('are not made of spans without an end, which is said', () => {
    const assembly = new Assembly();
    const { rejected } = assembly.accept([span(1, null, { ...chat(), endMs: 0 }), span(2, null, chat())]);
    assert.equal(rejected.count, 1);
    assert.match(rejected.message, /1 spans without a usable end time/);
    assembly.assembler.flush();
    assert.equal(assembly.calls.length, 1);
  });
});

describe('names of operations', () => {
  it('are labels: words, and a bounded number of them', () => {
    const assembly = new Assembly();
    for (let i = 0; i < 200; i++) {
      const attributes = {
        ...chat().attributes,
        'gen_ai.operation.name': i === 0 ? 'Tell me a secret' : `op${i}`,
      };
      assembly.accept([spanOf({ ...chat(), attributes, traceId: traceId(i) })]);
    }
    assembly.assembler.flush();
    const names = new Set(assembly.calls.map(({ operation }) => operation));
    assert.equal(assembly.calls.length, 200);
    assert.ok(names.size <= 76 && names.has('other') && !names.has('Tell me a secret'));
  });
});

describe('what is held has a bound', () => {
  it('of spans: the oldest traces are decided early', () => {
    const assembly = new Assembly({ spansHeldMax: 100 });
    for (let i = 0; i < 300; i++) {
      assembly.accept([spanOf({ traceId: traceId(i), ...chat() })]);
      assert.ok(assembly.assembler.counts().spansHeld <= 100);
    }
    assert.equal(assembly.calls.length, 200);
    assert.equal(assembly.assembler.counts().decidedEarly, 200);
  });

  it('of bytes: a request is in memory as long as one of its spans', () => {
    const assembly = new Assembly({ bytesHeldMax: 1000 });
    for (let i = 0; i < 10; i++) {
      assembly.accept(
        [1, 2].map((n) => spanOf({ traceId: traceId(2 * i + n), ...chat() })),
        300,
      );
      assert.ok(assembly.assembler.counts().bytesHeld <= 1000);
    }
    assert.equal(assembly.calls.length, 14);
    assembly.assembler.flush();
    assert.equal(assembly.assembler.counts().bytesHeld, 0);
    assert.equal(assembly.assembler.counts().spansHeld, 0);
  });

  it('of one trace: it begins anew, and no request is lost', () => {
    const assembly = new Assembly({ spansPerTraceMax: 50 });
    for (let i = 0; i < 20; i++) {
      const numbers = Array.from({ length: 10 }, (_, n) => 10 * i + n + 1);
      assembly.accept(numbers.map((number) => span(number, 1_000_000, number % 2 ? server : chat())));
    }
    assembly.assembler.flush();
    assert.equal(assembly.assembler.counts().tracesCut, 4);
    assert.deepEqual([assembly.requests.length, assembly.calls.length], [100, 100]);
  });

  it('of one trace, also where all of it comes in one request', () => {
    const assembly = new Assembly({ spansPerTraceMax: 50 });
    const numbers = Array.from({ length: 200 }, (_, n) => n + 1);
    const spans = numbers.map((number) => span(number, 1_000_000, number % 2 ? server : chat()));
    assembly.accept(spans, 100);
    assert.equal(assembly.assembler.counts().tracesCut, 4);
    assert.deepEqual([assembly.requests.length, assembly.calls.length], [100, 100]);
    assert.equal(assembly.assembler.counts().bytesHeld, 0);
  });

  it('of what is remembered, in number and time', () => {
    const assembly = new Assembly({ spansRememberedMax: 100 });
    for (let i = 0; i < 300; i++) assembly.accept([spanOf({ traceId: traceId(i), ...chat() })]);
    assembly.assembler.flush();
    const { spansRemembered } = assembly.assembler.counts();
    assert.ok(spansRemembered > 90 && spansRemembered <= 100, `${spansRemembered}`);
    assembly.wait(15 * MINUTE);
    assert.equal(assembly.assembler.counts().spansRemembered, 0);
  });
});
