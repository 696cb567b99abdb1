import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { attributionAs, attributionOf, placeNow, WorkContext } from '../../../src/agent/context/context.ts';
import { callerOf } from '../../../src/agent/context/traceparent.ts';
import { spanIdOf } from '../../../src/core/event.ts';
import { newEventId } from '../../../src/platform/ids.ts';

const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('the span of an event', () => {
  it('is known while the work goes on, so that what happens in it can name it', () => {
    const request = new WorkContext({ isEvent: true });
    const told = attributionOf(request).parentSpanId;
    assert.equal(told, spanIdOf(request.eventId(Date.now())));
    assert.match(String(told), /^(?!0{16})[\da-f]{16}$/);
    assert.equal(attributionAs(request).parentSpanId, undefined);
  });

  it('is that of the nearest work that becomes an event', () => {
    const request = new WorkContext({ isEvent: true });
    const query = new WorkContext({ parent: request, isEvent: true });
    const stage = new WorkContext({ parent: query, partOfParent: true });
    assert.equal(attributionAs(query).parentSpanId, request.spanId);
    assert.equal(attributionOf(stage).parentSpanId, query.spanId);
    assert.equal(placeNow(stage).parentSpanId, query.spanId);
    assert.notEqual(query.spanId, request.spanId);
  });

  it('is none outside of everything, and in work that is no event', () => {
    assert.equal(attributionOf(new WorkContext()).parentSpanId, undefined);
    assert.equal(placeNow(undefined).parentSpanId, null);
  });

  it('has the caller’s for its parent where the caller says so', () => {
    const caller = callerOf(CALLER);
    const work = new WorkContext({ isEvent: true, parentSpanId: caller?.spanId ?? null });
    assert.equal(attributionAs(work).parentSpanId, '00f067aa0ba902b7');
  });

  it('is never the same for two events', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => spanIdOf(newEventId(Date.now()))));
    assert.equal(ids.size, 10_000);
  });
});
