import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type Context, propagation, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { spanIn, useOwnContexts } from '../../../src/agent/context/app-trace.ts';
import { placeNow, runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { ROOT, WorkContextManager } from '../../../src/agent/sdk/context.ts';
import { IdleSpan } from '../../../src/agent/sdk/tracer.ts';

const TRACE = 'a'.repeat(32);

describe('the context of the app where the SDK is ours', () => {
  let manager: WorkContextManager;
  let callers: Context | undefined;
  let spans = 0;
  beforeEach(() => {
    callers = undefined;
    manager = new WorkContextManager(
      () => callers,
      ({ traceId, spanId }) => new IdleSpan({ traceId, spanId: spanId ?? '', traceFlags: 1 }),
    );
    useOwnContexts(manager);
  });
  afterEach(() => useOwnContexts(null));

  const request = () => new WorkContext({ isEvent: true, traceId: TRACE, headers: {} });
  const query = (parent: WorkContext) => new WorkContext({ parent, ...placeNow(parent), isEvent: true });
  const activeSpanId = () => spanIn(manager.active())?.spanId ?? null;
  /** Runs `fn` in a span of the app's. */
  const inSpan = <T>(fn: (spanId: string) => T): T => {
    const spanId = (++spans).toString(16).padStart(16, '0');
    const span = new IdleSpan({ traceId: TRACE, spanId, traceFlags: 1 });
    return manager.with(trace.setSpan(manager.active(), span), () => fn(spanId));
  };

  it('is the root outside of everything', () => {
    assert.equal(manager.active(), ROOT);
    assert.equal(placeNow(undefined).parentSpanId, null);
  });

  it('is that of the request, the same whenever it is asked for', async () => {
    const work = request();
    await runInContext(work, async () => {
      const active = manager.active();
      assert.equal(activeSpanId(), work.spanId);
      await setImmediate();
      assert.equal(manager.active(), active);
    });
  });

  it('goes inwards by turns: request, span, query, span, and out again', () => {
    const work = request();
    runInContext(work, () =>
      inSpan((outer) => {
        assert.equal(activeSpanId(), outer);
        const inner = query(work);
        assert.equal(inner.parentSpanId, outer);
        runInContext(inner, () => {
          assert.equal(activeSpanId(), inner.spanId);
          assert.equal(placeNow(inner).parentSpanId, inner.spanId);
          inSpan((innermost) => {
            assert.equal(activeSpanId(), innermost);
            assert.equal(placeNow(inner).parentSpanId, innermost);
          });
          assert.equal(activeSpanId(), inner.spanId);
        });
        assert.equal(activeSpanId(), outer);
        assert.equal(placeNow(work).parentSpanId, outer);
      }),
    );
  });

  it('of work that is no event is that of the event it is part of', () => {
    const work = request();
    const stage = new WorkContext({ parent: work, partOfParent: true });
    runInContext(stage, () => {
      assert.equal(activeSpanId(), work.spanId);
      inSpan((spanId) => assert.equal(placeNow(stage).parentSpanId, spanId));
    });
  });

  it('of a request is not the span in which its server was started', () => {
    inSpan(() => {
      const work = new WorkContext({ isEvent: true, headers: {} });
      runInContext(work, () => {
        assert.notEqual(work.traceId, TRACE);
        assert.equal(activeSpanId(), work.spanId);
      });
    });
  });

  it('has what a caller says besides, in the request and in what is inside', () => {
    const baggage = propagation.createBaggage({ tenant: { value: 'blue' } });
    callers = propagation.setBaggage(ROOT, baggage);
    const work = request();
    const tenant = () => propagation.getBaggage(manager.active())?.getEntry('tenant')?.value;
    runInContext(work, () => {
      assert.equal(tenant(), 'blue');
      runInContext(query(work), () => assert.equal(tenant(), 'blue'));
      inSpan(() => assert.equal(tenant(), 'blue'));
    });
  });

  it('the app may leave on purpose', () => {
    runInContext(request(), () =>
      manager.with(ROOT, () => {
        assert.equal(manager.active(), ROOT);
        assert.equal(activeSpanId(), null);
      }),
    );
  });

  it('is bound to functions, which keep their `this`, arguments and length', () => {
    const bound = inSpan((spanId) => {
      const fn = function (this: unknown, a: number, b: number) {
        return [this, a + b, activeSpanId() === spanId];
      };
      return manager.bind(manager.active(), fn);
    });
    assert.equal(bound.length, 2);
    assert.deepEqual(bound.call('this', 1, 2), ['this', 3, true]);
  });

  it('is bound to streams, which flow as ever', async () => {
    const bound = <T extends Readable>(stream: T): T => manager.bind(manager.active(), stream);
    const readable = bound(Readable.from(['a', 'b']));
    const text = await new Promise((resolve) => {
      let got = '';
      readable.on('data', (chunk) => {
        got += chunk;
      });
      readable.once('end', () => resolve(got));
    });
    assert.equal(text, 'ab');
    const server = createServer((request, response) => {
      bound(request).on('readable', () => request.read());
      request.on('end', () => response.end('read'));
    }).listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: 'hello' });
      assert.equal(await answer.text(), 'read');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('is bound to emitters, whose listeners are called as ever and can be removed', () => {
    const emitter = new EventEmitter();
    const calls: unknown[] = [];
    const listener = (value: number) => calls.push([value, activeSpanId()]);
    const spanId = inSpan((id) => {
      manager.bind(manager.active(), emitter);
      return id;
    });
    emitter.on('x', listener);
    emitter.once('x', listener);
    emitter.prependOnceListener('x', () => calls.push('first'));
    emitter.emit('x', 1);
    assert.deepEqual(calls, ['first', [1, spanId], [1, spanId]]);
    assert.equal(emitter.listenerCount('x'), 1);
    emitter.off('x', listener);
    emitter.once('x', listener);
    emitter.removeListener('x', listener);
    assert.equal(emitter.listenerCount('x'), 0);
  });

  it('is attached until it is let go', () => {
    const before = manager.active();
    const token = manager.attach(before.setValue(Symbol.for('x'), 1));
    assert.equal(manager.active().getValue(Symbol.for('x')), 1);
    token.dispose();
    token.dispose();
    assert.equal(manager.active(), before);
  });
});
