import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { eventIdOf } from '../../../../src/collector/receivers/otlp/event-id.ts';
import { GRACE_MS, Subjects, type Teller } from '../../../../src/collector/receivers/otlp/subjects.ts';
import { isUuid } from '../../../../src/core/signals/checks.ts';

const NOW_MS = 10_000_000;
const span = (endMs: number, nowMs = NOW_MS, call?: string) => ({
  afterMs: endMs,
  untilMs: endMs,
  nowMs,
  ...(call !== undefined && { call }),
});

describe('who tells of the same work', () => {
  it('is held back while somebody who knows more may follow, then believed', () => {
    const subjects = new Subjects();
    const metrics = (nowMs: number) =>
      subjects.told('a', 'request', 'metrics', { afterMs: 0, untilMs: 100, nowMs: nowMs });
    assert.equal(metrics(NOW_MS), 'held');
    assert.equal(metrics(NOW_MS + GRACE_MS - 1), 'held');
    assert.equal(metrics(NOW_MS + GRACE_MS), 'counted');
    assert.equal(
      subjects.told('b', 'request', 'metrics', { afterMs: 0, untilMs: 100, nowMs: NOW_MS + GRACE_MS }),
      'held',
    );
  });

  it('is who knows most: later ones of less are told already, of each process and subject by itself', () => {
    const order: readonly Teller[] = ['metrics', 'logs', 'spans', 'events'];
    const subjects = new Subjects();
    for (const [i, teller] of order.entries()) {
      subjects.told('a', 'llm-call', teller, span(1, NOW_MS));
      for (const less of order.slice(0, i)) {
        assert.equal(
          subjects.told('a', 'llm-call', less, span(2, NOW_MS + 2 * GRACE_MS)),
          'told',
          `${less} after ${teller}`,
        );
      }
    }
    assert.equal(subjects.told('a', 'request', 'spans', span(1, NOW_MS)), 'counted');
    assert.equal(subjects.told('b', 'llm-call', 'spans', span(1, NOW_MS)), 'counted');
  });

  it('is not nobody where a point was of a time that is yet to come', () => {
    const subjects = new Subjects();
    const hourAhead = NOW_MS + 60 * 60_000;
    const metrics = (nowMs: number) =>
      subjects.told('a', 'request', 'metrics', { afterMs: 0, untilMs: hourAhead, nowMs });
    metrics(NOW_MS);
    const laterMs = NOW_MS + GRACE_MS;
    assert.equal(metrics(laterMs), 'counted');
    const minuteLaterMs = laterMs + 61_000;
    assert.equal(subjects.told('a', 'request', 'spans', span(minuteLaterMs, minuteLaterMs)), 'counted');
  });

  it('takes over where metrics were counted to, so that nothing counts twice and nothing after it is missed', () => {
    const subjects = new Subjects();
    subjects.told('a', 'request', 'metrics', { afterMs: 0, untilMs: 500, nowMs: NOW_MS });
    const laterMs = NOW_MS + GRACE_MS;
    assert.equal(
      subjects.told('a', 'request', 'metrics', { afterMs: 0, untilMs: 500, nowMs: laterMs }),
      'counted',
    );
    assert.equal(subjects.told('a', 'request', 'spans', span(500, laterMs)), 'told');
    assert.equal(subjects.told('a', 'request', 'spans', span(501, laterMs)), 'counted');
    assert.equal(
      subjects.told('a', 'request', 'metrics', { afterMs: 500, untilMs: 600, nowMs: laterMs }),
      'told',
    );
  });

  it('counts a call that a log record told of not again when its span comes', () => {
    const subjects = new Subjects();
    const record = (name: string, nowMs: number) => ({ ...span(100, nowMs, 'first'), record: name });
    subjects.told('a', 'llm-call', 'logs', record('one', NOW_MS));
    const laterMs = NOW_MS + GRACE_MS;
    assert.equal(subjects.told('a', 'llm-call', 'logs', record('one', laterMs)), 'counted');
    assert.equal(subjects.told('a', 'llm-call', 'logs', record('one', laterMs)), 'told');
    assert.equal(subjects.told('a', 'llm-call', 'logs', record('another', laterMs)), 'counted');
    assert.equal(subjects.told('a', 'llm-call', 'spans', span(101, laterMs, 'first')), 'told');
    assert.equal(subjects.told('a', 'llm-call', 'spans', span(99, laterMs, 'second')), 'counted');
  });

  it('is known before the first of it of a process that says it sends events', () => {
    const subjects = new Subjects();
    subjects.meet('a', { attributes: { 'nervecenter.events': true } });
    subjects.meet('b', { attributes: {} });
    assert.equal(subjects.told('a', 'llm-call', 'spans', span(1, NOW_MS)), 'told');
    assert.equal(subjects.told('a', 'llm-call', 'events', span(1, NOW_MS)), 'counted');
    assert.equal(subjects.told('b', 'llm-call', 'spans', span(1, NOW_MS)), 'counted');
  });

  it('is forgotten by whoever was silent for longest, past the bound', () => {
    const subjects = new Subjects();
    subjects.told('first', 'request', 'spans', span(1, NOW_MS));
    for (let i = 0; i < 10_000; i++) subjects.told(`p${i}`, 'request', 'spans', span(1, NOW_MS));
    assert.equal(subjects.told('p9999', 'request', 'metrics', span(2, NOW_MS)), 'told');
    assert.equal(subjects.told('first', 'request', 'metrics', span(2, NOW_MS)), 'held');
  });
});

describe('the id of what a span tells', () => {
  it('is a UUIDv7 of its end, the same for the same span and another for any other', () => {
    const trace = '5b8efff798038103d269b633813fc60c';
    const id = eventIdOf(trace, 'eee19b7ec3c1b174', 1_544_712_661_500.7);
    assert.ok(isUuid(id), id);
    assert.match(id, /^........-....-7...-[89ab]...-/);
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), 1_544_712_661_500);
    assert.equal(eventIdOf(trace, 'eee19b7ec3c1b174', 1_544_712_661_500.2), id);
    assert.notEqual(eventIdOf(trace, 'eee19b7ec3c1b175', 1_544_712_661_500.7), id);
  });
});
