import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { checkPromql, type ExposedMetric, exposedMetrics } from './promql.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const BOARDS = globSync('dashboards/grafana/*.json', { cwd: ROOT }).toSorted();
/** What Grafana 11 and 12 know, of those used here. */
const KINDS = new Set(['row', 'stat', 'timeseries', 'bargauge', 'heatmap']);
const UNITS = new Set(['reqps', 'cps', 's', 'percentunit', 'bytes', 'Bps', 'short', 'currencyUSD']);
// biome-ignore lint/suspicious/noTemplateCurlyInString: the variable is Grafana's.
const DATA_SOURCE = { type: 'prometheus', uid: '${datasource}' };

/** Eight calls of models and the request that asked for them. */
const REQUESTS_OF_TRAFFIC = 9;
/** What comes from elsewhere than the frame with the requests. */
const LATE = [
  'nervecenter_llm_unpriced_calls_total',
  'nervecenter_cache_requests_total',
  'nervecenter_websocket_messages_total',
  'system_network_io_rate_bytes_per_second',
];

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: object;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: object;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string; readonly thresholds: { readonly steps: readonly object[] } };
  };
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

interface Board {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const boardOf = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Board;

function requestsIn(text: string): number {
  const counts = text.matchAll(/^http_server_request_duration_seconds_count\S* (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('the dashboards for Grafana', () => {
  let exposed: ReadonlyMap<string, ExposedMetric>;
  const app = new ObservedApp(join(import.meta.dirname, 'grafana-traffic.cjs'), {
    env: { NERVECENTER_STORAGE: 'off' },
  });
  beforeAll(async () => {
    const url = await app.appUrl();
    await app.started();
    assert.equal((await fetch(`${url}/traffic`)).status, 200);
    // Look-ups and messages come by frame, the others by event: either may be a moment ahead. The request for the traffic is measured last.
    await until(
      async () => {
        const text = await (await app.get('/metrics')).text();
        exposed = exposedMetrics(text);
        return requestsIn(text) >= REQUESTS_OF_TRAFFIC && LATE.every((name) => exposed.has(name));
      },
      { what: 'metrics of the traffic' },
    );
  });
  afterAll(() => app.stop());

  it('are three, with different identities', () => {
    assert.deepEqual(
      BOARDS.map((path) => boardOf(path).uid),
      ['nervecenter-llm', 'nervecenter-overview', 'nervecenter-rag'],
    );
  });

  for (const path of BOARDS) {
    const { panels, templating, schemaVersion } = boardOf(path);
    const drawn = panels.filter(({ type }) => type !== 'row');

    it(`${path}: every question is answered by what is exposed`, () => {
      const problems = drawn.flatMap(({ title, targets = [] }) =>
        targets.flatMap(({ expr, legendFormat }) => {
          try {
            const labels = checkPromql(expr, exposed);
            const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
            return named
              .filter((label) => !labels.has(label))
              .map((label) => `${title}: no ${label} for the legend`);
          } catch (error) {
            return [`${title}: ${(error as Error).message}`];
          }
        }),
      );
      assert.deepEqual(problems, []);
    });

    it(`${path}: its variables are asked of labels that are there`, () => {
      for (const { type, definition = '' } of templating.list) {
        if (type === 'datasource') continue;
        const [, metric, pattern, label = ''] =
          /^label_values\((?:(\w+)|\{__name__=~"([^"]+)"\}), (\w+)\)$/.exec(definition) ?? [];
        const isAsked = (name: string) => name === metric || new RegExp(`^(?:${pattern})$`).test(name);
        const asked = [...exposed].filter(([name]) => isAsked(name));
        assert.ok(asked.length > 0, definition);
        for (const [, { labels }] of asked) assert.ok(label === 'job' || labels.has(label), definition);
      }
      const known = new Set([...templating.list.map(({ name }) => name), '__rate_interval', '__range']);
      const used = JSON.stringify(panels).matchAll(/\$\{?(\w+)/g);
      assert.deepEqual(
        [...used].map(([, name = '']) => name).filter((name) => !known.has(name)),
        [],
      );
    });

    it(`${path}: every panel has a title, a description, a unit, thresholds, a legend and a place of its own`, () => {
      assert.equal(schemaVersion, 39);
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
      assert.ok(panels.every(({ type, title }) => KINDS.has(type) && title !== ''));
      for (const { title, description = '', datasource, targets = [], fieldConfig } of drawn) {
        assert.ok(description.endsWith('.'), title);
        assert.deepEqual(datasource, DATA_SOURCE);
        assert.ok(UNITS.has(fieldConfig?.defaults.unit ?? ''), title);
        assert.ok((fieldConfig?.defaults.thresholds.steps.length ?? 0) > 0, title);
        assert.ok(targets.length > 0 && targets.every(({ legendFormat }) => legendFormat !== ''), title);
        for (const target of targets) assert.deepEqual(target.datasource, DATA_SOURCE);
      }
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      assert.equal(new Set(cells).size, cells.length, 'panels that overlap');
      assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
    });
  }

  for (const [wrong, why] of [
    ['sum(rate(no_such_total[5m]))', /no metric no_such_total/],
    ['sum by (color) (rate(nervecenter_cache_requests_total[5m]))', /by \(color\)/],
    ['sum(rate(nervecenter_cache_requests_total{cache_result="maybe"}[5m]))', /no cache_result "maybe"/],
    ['sum(nervecenter_cache_requests_total)', /a counter, without a rate/],
    ['sum(rate(nervecenter_server_viewers[5m]))', /a gauge, in a rate/],
    ['histogram_quantile(0.9, sum(rate(nervecenter_rag_chunks_bucket[5m])))', /without le/],
    [
      'histogram_quantile(0.9, sum by (le) (rate(nervecenter_rag_chunks[5m])))',
      /no metric nervecenter_rag_chunks/,
    ],
    ['sum(rate(nervecenter_cache_requests_total[5m])', /ends too early/],
    ['nervecenter_server_viewers nervecenter_server_viewers', /unexpected/],
  ] as const) {
    it(`would not pass with ${wrong}`, () => assert.throws(() => checkPromql(wrong, exposed), why));
  }

  it('are provisioned by the Compose file, from paths that are there', () => {
    const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
    const mounted = [...compose.matchAll(/- (\.\/\S+):(\/\S+):ro/g)];
    assert.ok(mounted.length >= 3);
    for (const [, path = ''] of mounted) assert.ok(existsSync(join(ROOT, path)), path);
    const provider = readFileSync(
      join(ROOT, 'dashboards/grafana/provisioning/dashboards/nervecenter.yml'),
      'utf8',
    );
    const directory = /path: (\S+)/.exec(provider)?.[1];
    assert.ok(mounted.some(([, path, target]) => path === './dashboards/grafana' && target === directory));
    assert.ok(compose.includes(`${directory}/overview.json`));
  });
});
