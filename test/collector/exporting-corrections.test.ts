import assert from 'node:assert/strict';
import { it } from 'vitest';
import { sentOut } from '../../src/collector/exporting.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import { milliseconds } from '../../src/core/units.ts';
import { oneOfEach } from './sinks/postgres/events.ts';

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
});
