import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { eventsOf } from '../../../src/collector/receivers/shapes.ts';
import { aggregateRows, setOf } from '../../../src/collector/sinks/postgres/rollup/aggregate.ts';
import { PLACES } from '../../../src/collector/sinks/postgres/rollup/names.ts';
import { kindsOf, SHAPES } from '../../../src/collector/sinks/postgres/rollup/shape.ts';
import { encodeEvents } from '../../../src/collector/sinks/postgres/spool/batch.ts';
import { HISTORY } from '../../../src/core/history/catalogue.ts';
import { STAGE, sumsOf, VALUE } from '../../../src/core/history/measures.ts';
import {
  type NervecenterEvent,
  SIGNALS,
  type SignalName,
  signalNamed,
} from '../../../src/core/signals/index.ts';
import { RETENTION_KEYS, type RetentionKey } from '../../../src/core/signals/signal.ts';
import { MINUTE_MS } from '../../../src/core/units.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';
import { oneOfEach } from '../../collector/sinks/postgres/events.ts';
import { NOW, openHistory, type TestHistory } from '../../collector/sinks/postgres/history/fixture.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { toRow } from '../../support/rows.ts';

/** Nothing that an event holds. */
const NO_VALUE = Symbol('no value');
/** How the schema spells types. */
const SQL_NAMES: Readonly<Record<string, string>> = {
  varchar: 'character varying',
  timestamptz: 'timestamp with time zone',
};

let server: TestPostgres;
let store: TestHistory;
const ended: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startPostgres();
  store = await openHistory({ onTestFinished: (end) => void ended.push(end as () => unknown) }, server);
});
afterAll(async () => {
  for (const end of ended) await end();
  await server.stop();
});

/** A valid event of a signal, in an hour that is over. A new signal needs one in `oneOfEach`. */
function exampleOf(name: SignalName): NervecenterEvent {
  const example = oneOfEach().find(({ signal }) => signal === name);
  assert.ok(example, `an example of ${name}`);
  return { ...example, timeMs: NOW - 45 * MINUTE_MS } as NervecenterEvent;
}

function isAccepted(event: object): boolean {
  return eventsOf([event])?.usable.length === 1;
}

for (const name of Object.keys(SIGNALS) as SignalName[]) {
  const signal = signalNamed(name);
  const { columns, history, retention, accepts } = signal;
  const example = exampleOf(name);

  describe(`the signal ${name}`, () => {
    it('says what it is: its name, its words, its instruments', () => {
      assert.equal(signal.name, name);
      for (const words of Object.values(signal.words)) assert.match(words, /^\S.*\S$/);
      for (const { name: instrument, unit, description } of signal.instruments) {
        assert.match(instrument, /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$/);
        assert.ok(unit !== '' && description.endsWith('.'), instrument);
      }
    });

    it('measures its events with its own instruments', () => {
      const provider = new DeltaMeterProvider();
      const measure = signal.measure(provider.getMeter());
      measure(example);
      const points = new SnapshotReader([provider]).collectNow();
      const specs = new Map(signal.instruments.map((instrument) => [instrument.name, instrument]));
      for (const { name: metric, kind, unit, description } of points) {
        const { name: _, ...spec } = specs.get(metric) ?? assert.fail(`${metric} is not listed`);
        assert.deepEqual({ kind, unit, description }, spec);
      }
      assert.deepEqual(
        provider.instruments.filter((one) => !specs.has(one.name)),
        [],
        'all of them are listed',
      );
    });

    it('has its columns in its table, id and timestamp first, each once', async () => {
      const names = columns.map((column) => column.name);
      assert.deepEqual(names.slice(0, 2), ['id', 'timestamp']);
      assert.equal(new Set(names).size, names.length);
      const found = await store.sql<{ name: string; type: string }>(
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_schema = 'enterprise' AND table_name = $1`,
        [signal.table],
      );
      const types = new Map(found.map((column) => [column.name, column.type]));
      for (const column of columns)
        assert.equal(types.get(column.name), SQL_NAMES[column.type] ?? column.type, column.name);
    });

    it('takes what it made, and refuses it with any field that is missing or of another kind', () => {
      assert.ok(isAccepted(example));
      const checked = Object.keys(accepts);
      const made = Object.keys(example).filter((field) => !['signal', 'sender', 'cost'].includes(field));
      assert.deepEqual(
        made.filter((field) => !checked.includes(field)),
        [],
      );
      for (const field of checked) {
        assert.ok(!isAccepted({ ...example, [field]: NO_VALUE }), `${field} of another kind`);
        const value = example[field as keyof NervecenterEvent] as unknown;
        if (typeof value === 'string') assert.ok(!isAccepted({ ...example, [field]: 7 }), field);
        if (typeof value === 'number') assert.ok(!isAccepted({ ...example, [field]: `${value}` }), field);
        const { [field as keyof NervecenterEvent]: _, ...rest } = example;
        assert.equal(isAccepted(rest), !made.includes(field), `without ${field}`);
      }
    });

    it('is kept as long as one setting says, with one default', () => {
      assert.ok(RETENTION_KEYS.includes(retention.key));
      assert.ok(Number.isInteger(retention.days) && retention.days >= 1);
      const sharing = Object.values(SIGNALS).filter((other) => other.retention.key === retention.key);
      assert.ok(sharing.every((other) => other.retention.days === retention.days));
    });

    it('measures fields and sums that there are, under dimensions that there are', () => {
      const { fields, sums, measures, dimensions, oneAtATime } = history;
      assert.ok(fields[VALUE]);
      for (const [measure, { field, formula, unit, heading }] of Object.entries(measures)) {
        assert.ok(field in fields, `${measure} is of ${field}`);
        for (const sum of Object.values(sumsOf(formula))) if (sum !== null) assert.ok(sum in sums, sum);
        assert.ok(unit !== '' && heading !== '', measure);
      }
      assert.ok(history.firstMeasure in measures);
      assert.equal('errors' in measures, typeof sums['errors'] === 'object', 'errors count a fact');
      const known = Object.keys({ ...dimensions });
      const rolled = Object.values(fields).flatMap(({ rolledBy, hourlyBy = [] }) => [
        ...rolledBy,
        ...hourlyBy,
      ]);
      assert.deepEqual(
        rolled.filter((dimension) => !known.includes(dimension)),
        [],
      );
      if (oneAtATime !== undefined) assert.ok(oneAtATime.dimension in dimensions);
      for (const field of Object.values(fields)) {
        const { value } = field;
        if ('column' in value) assert.ok(columns.some((column) => column.name === value.column));
      }
    });

    it('has SQL that runs: every field, dimension and sum, over no row and over its example', async () => {
      const shape = SHAPES[name];
      const rolledUp = async (field: string) => {
        const dimensions = Object.entries(shape.dimensions).filter(
          ([dimension]) => dimension !== STAGE || field === STAGE,
        );
        const sets = dimensions.map((_, at) => [at]);
        const rows = await store.sql<{ of: number }>(
          aggregateRows(shape, shape.fields[field] ?? assert.fail(field), {
            bucket: '0',
            dimensions: dimensions.map(([, value]) => value),
            sets,
            sums: Object.keys(shape.sums),
            histogram: 'packed',
            from: `${shape.table} r`,
            where: 'true',
          }),
        );
        return rows.map(({ of }) => dimensions.find((_, at) => setOf([at], sets.length) === of)?.[0]);
      };
      for (const field of Object.keys(shape.fields)) assert.deepEqual(await rolledUp(field), []);
      assert.deepEqual(encodeEvents([example]).rejected, []);
      await insert(example);
      const counted = await rolledUp(VALUE);
      for (const dimension of Object.keys(shape.dimensions)) {
        if (dimension === STAGE) continue;
        assert.equal(counted.filter((one) => one === dimension).length, 1, dimension);
      }
    });

    it('answers every measure, by every dimension, and shows its row', async () => {
      const { measures, dimensions, oneAtATime: one } = HISTORY[name];
      const about: Record<string, string> =
        one === undefined ? {} : { [one.dimension]: String(toRow(signal, example)[indexOf('metric_name')]) };
      const asked = { signal: name, from: '-1h', step: '1h', ...about };
      for (const measure of Object.keys(measures)) {
        const { series } = await store.history({ ...asked, measure });
        assert.ok(series.length > 0, measure);
      }
      for (const dimension of dimensions) {
        const measure = 'count';
        const { series } = await store.history({ ...asked, measure, group_by: dimension });
        assert.ok(series.length > 0, dimension);
      }
      const { events } = await store.events({ signal: name, id: example.id });
      assert.deepEqual(
        Object.keys(events[0] ?? {}),
        columns.map((column) => column.name),
      );
    });

    function indexOf(column: string): number {
      return columns.findIndex((one) => one.name === column);
    }
  });
}

/** A row as a writer leaves it. */
async function insert(event: NervecenterEvent): Promise<void> {
  const { columns, table } = signalNamed(event.signal);
  const values = toRow(signalNamed(event.signal), event).map((value, at) =>
    columns[at]?.type === 'timestamptz' ? new Date(Number(value)) : value,
  );
  await store.sql(
    `INSERT INTO enterprise.${table} (${columns.map(({ name }) => name).join(', ')})
     VALUES (${values.map((_, at) => `$${at + 1}`).join(', ')})`,
    values,
  );
}

it('every example is in the rollups, by every dimension that its signal is rolled up by', async () => {
  await store.rollup().catchUp();
  for (const signal of Object.keys(SHAPES)) {
    assert.ok(Object.keys(SHAPES[signal as SignalName].sums).length <= PLACES, `sums of ${signal}`);
    const rolled = await store.sql<{ kind: string }>(
      `SELECT DISTINCT concat_ws(' ', field, dimension, second) AS kind FROM enterprise.rollup_kind
       JOIN (TABLE enterprise.rollup_by_minute UNION ALL TABLE enterprise.rollup_by_hour) AS rolled ON rolled.kind = id
       WHERE signal = $1 AND field = $2 AND count > 0`,
      [signal, VALUE],
    );
    assert.deepEqual(
      rolled.map(({ kind }) => kind).sort(),
      kindsOf(signal as SignalName)
        .filter(({ field }) => field === VALUE)
        .map(({ field, dimension, second }) => [field, dimension, second].join(' '))
        .sort(),
      signal,
    );
  }
});

it('every retention setting is some signal’s, and the catalogue is data that the dashboard can be built with', () => {
  const kept = new Set<RetentionKey>(Object.values(SIGNALS).map(({ retention }) => retention.key));
  assert.deepEqual([...kept].sort(), [...RETENTION_KEYS].sort());
  assert.deepEqual(JSON.parse(JSON.stringify(HISTORY)), HISTORY);
});
