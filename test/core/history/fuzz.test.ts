import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { parseTarget } from '../../../src/collector/server/gate.ts';
import { historySql } from '../../../src/collector/sinks/postgres/history/sql.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { BUCKETS_MAX } from '../../../src/core/history/buckets.ts';
import { HISTORY } from '../../../src/core/history/catalogue.ts';
import {
  EVENTS_MAX,
  ParameterError,
  parseEventsQuery,
  parseHistoryQuery,
  parseTraceId,
} from '../../../src/core/history/parameters.ts';
import type { EventsQuery, HistoryQuery } from '../../../src/core/history/query.ts';
import { parseSenderFilter } from '../../../src/core/history/sender-filter.ts';
import { isOriginAdmitted, parseAuthority, printable } from '../../../src/core/http/origin.ts';
import { viaIn } from '../../../src/core/passage.ts';
import { SIGNAL_NAMES } from '../../../src/core/signals/index.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';
import { mutated, type Random } from '../../support/fuzz/mutations.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 12);
const REASON_CHARS_MAX = 1000;
const TEXT_MAX = 255;
/** What a filter is that must never be part of a statement. */
const INJECTED = `x'";--`;

/** For every parameter values that are right, or nearly. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  signal: [...SIGNAL_NAMES, 'spans', ''],
  from: ['-24h', '-30d', '2026-11-01', '2026-10-25T02:30:00', '2026-11-28T00:00:00+02:00', '-999999w'],
  to: ['now', '-1h', '2026-11-29', '2200-01-01', '1969-12-31'],
  step: ['auto', 'all', '1m', '1h', '1d', '7d', '36h', '0s'],
  tz: ['UTC', 'Europe/Berlin', 'America/New_York', '+05:30', 'Mars/Base'],
  bands: ['4', '48', '3'],
  limit: ['1', '500', '501', '1e2'],
  order: ['newest', 'slowest'],
  cursor: ['2026-11-22T10:00:00.000000Z_019a0000-0000-7000-8000-000000000000'],
  id: ['019a0000-0000-7000-8000-000000000000'],
  trace_id: ['a'.repeat(32), 'their own'],
  failed: ['1', '0'],
  min_ms: ['250', '0.5'],
};
const NAMES = [...Object.keys(VALUES), 'measure', 'group_by'];

function searchOf(random: Random, required: readonly string[]): string {
  const signal = random.of(SIGNAL_NAMES);
  const { dimensions, measures } = HISTORY[signal];
  const names = [...required, ...Array.from({ length: random.below(4) }, () => random.of(NAMES))];
  const search = new URLSearchParams({ signal });
  for (const name of names) {
    if (name === 'measure') search.set(name, random.of(Object.keys(measures)));
    else if (name === 'group_by') search.set(name, random.of(dimensions));
    else if (name !== 'signal' || random.below(8) === 0) search.set(name, random.of(VALUES[name] ?? ['']));
  }
  if (random.below(3) === 0) search.set(random.of(dimensions), INJECTED);
  if (random.below(20) === 0) search.append('signal', signal);
  const text = `?${search}`;
  return random.below(2) === 0 ? text : mutated(Buffer.from(text), random).toString('latin1');
}

/** What it reads; `null` where it is refused with a reason that can be shown. */
function readOrRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    assert.ok(error.message.length <= REASON_CHARS_MAX, error.message);
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    return null;
  }
}

function assertBounded({ filters }: Pick<EventsQuery | HistoryQuery, 'filters'>): void {
  for (const value of Object.values(filters)) {
    assert.ok(value.length <= TEXT_MAX && !value.includes('\0'));
  }
}

describe('parameters of addresses', () => {
  it('of history become a bounded question, of which nothing is part of the statement, or are refused', async () => {
    await tryAll(
      (random) => searchOf(random, ['measure']),
      (search) => {
        const query = readOrRefused(() => parseHistoryQuery(new URLSearchParams(search), NOW_MS));
        if (query === null) return 'refused';
        const { boundariesMs } = query.buckets;
        assert.ok(boundariesMs.length >= 2 && boundariesMs.length <= BUCKETS_MAX + 1);
        assert.ok(boundariesMs.every((at, index) => index === 0 || at > (boundariesMs[index - 1] ?? 0)));
        assertBounded(query);
        const [fromMs = 0, toMs = 0] = [boundariesMs[0], boundariesMs.at(-1)];
        const { text } = historySql(query, [{ source: 'rows', fromMs, toMs }], null);
        assert.ok(!text.includes(INJECTED) && !text.includes('\0'));
        return 'asked';
      },
      { reached: ['asked', 'refused'] },
    );
  });

  it('of events become a bounded question, or are refused', async () => {
    await tryAll(
      (random) => searchOf(random, []),
      (search) => {
        const query = readOrRefused(() => parseEventsQuery(new URLSearchParams(search), NOW_MS));
        if (query === null) return 'refused';
        assert.ok(query.limit >= 1 && query.limit <= EVENTS_MAX);
        assert.ok(query.minMs === null || Number.isFinite(query.minMs));
        assertBounded(query);
        return 'asked';
      },
      { reached: ['asked', 'refused'] },
    );
  });

  it('ids of traces and senders are short texts, or are refused', async () => {
    const examples = [
      'a'.repeat(32),
      '0AF7651916CD43DD-8448EB211C80319C',
      'their%20own',
      '%E0%A4%A',
      '?service=a&instance=b',
    ];
    await tryAll(
      bytesLike(examples.map((text) => Buffer.from(text))),
      (bytes) => {
        const text = bytes.toString('latin1');
        const id = readOrRefused(() => parseTraceId(text));
        assert.ok(id === null || (id.length >= 1 && id.length <= 32 && !id.includes('\0')));
        const filter = readOrRefused(() => parseSenderFilter(text));
        for (const one of [filter?.service, filter?.instance]) {
          assert.ok((one?.length ?? 0) <= TEXT_MAX && one?.includes('\0') !== true);
        }
        return id === null ? 'refused' : 'read';
      },
      { reached: ['read', 'refused'] },
    );
  });
});

describe('heads of requests', () => {
  const EXAMPLES = [
    ...['/api/metrics/history?signal=request', 'http://localhost:9464/admin/system', '//evil.example/', '*'],
    ...['localhost:9464', '[::1]:80', 'a.example.', 'https://admin.example.com', 'http://a@b:1'],
    '019a0000-0000-7000-8000-000000000000, 019a0000-0000-7000-8000-000000000001',
  ].map((text) => Buffer.from(text));

  it('are read or refused, whatever stands in them', async () => {
    await tryAll(
      bytesLike(EXAMPLES),
      (bytes) => {
        const text = bytes.toString('latin1');
        const authority = parseAuthority(text);
        if (authority !== null) assert.doesNotMatch(authority.name, /[\s@/\\?#]/);
        const here = { name: 'localhost', port: '9464' };
        if (isOriginAdmitted(text, { ...here, onTls: false }, []))
          assert.match(text, /^https?:\/\/localhost\.?:9464$/i);
        if (isOriginAdmitted(text, { ...here, onTls: true }, []))
          assert.match(text, /^https:\/\/localhost\.?:9464$/i);
        assert.ok(viaIn(text).every((id) => id.length === 36));
        assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}]/u);
        try {
          assert.ok(parseTarget(text).path.startsWith('/'));
          return 'read';
        } catch (error) {
          if (!(error instanceof NervecenterError)) throw error;
          assert.equal(error.code, 'NC_BAD_REQUEST');
          return 'refused';
        }
      },
      { reached: ['read', 'refused'] },
    );
  });
});
