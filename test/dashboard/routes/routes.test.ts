import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { fixtureHistory } from '../../../dashboards/web/src/fixtures/history.ts';
import { chosenRoutes, routesOf, sparkline } from '../../../dashboards/web/src/routes/routes.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10);

describe('routes', () => {
  const ask = (measure: string, step: string) =>
    fixtureHistory(
      busy,
      new URLSearchParams({ signal: 'request', measure, group_by: 'endpoint', from: '-1h', step }),
      NOW_MS,
    );
  const routes = routesOf(
    {
      count: ask('count', 'all'),
      errors: ask('errors', 'all'),
      p50: ask('p50', 'all'),
      p95: ask('p95', 'all'),
      p99: null,
      trend: ask('rate', 'auto'),
    },
    3600,
  );

  test('have a figure of the whole range each, and a line', () => {
    assert.equal(routes.length, Object.keys(busy.api.endpoints).length);
    const [first] = routes;
    assert.equal(first?.perSecond, (first?.requests ?? 0) / 3600);
    assert.equal(first?.p99, null);
    assert.ok((first?.trend.length ?? 0) > 20);
  });

  test('are sorted and filtered by what the address says', () => {
    const [least] = chosenRoutes(routes, 'requests', '');
    assert.equal(least?.requests, Math.min(...routes.map(({ requests }) => requests)));
    const [most] = chosenRoutes(routes, 'nonsense', '');
    assert.equal(most?.requests, Math.max(...routes.map(({ requests }) => requests)));
    assert.deepEqual(
      chosenRoutes(routes, 'route', 'DOCU').map(({ route }) => route),
      Object.keys(busy.api.endpoints)
        .filter((route) => route.includes('docu'))
        .sort(),
    );
  });

  test('a line fills its box, and nothing is no line', () => {
    assert.equal(sparkline([0, 2, 1], 10, 4), '0.0,4.0 5.0,0.0 10.0,2.0');
    assert.equal(sparkline([0, 0], 10, 4), '');
    assert.equal(sparkline([1], 10, 4), '');
  });
});
