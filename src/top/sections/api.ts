import { type Totals, totalsOf } from '../../client/totals.ts';
import type { EndpointSnapshot } from '../../core/snapshot.ts';
import { sparkline, trendWidth } from '../drawing/bars.ts';
import { type Column, table } from '../drawing/table.ts';
import { type Line, span } from '../drawing/text.ts';
import { count, decimal, percent, timeSpan } from '../figures.ts';
import { ROUTE_ORDERS } from '../keyboard.ts';
import type { Block, Scene } from '../picture.ts';

const ROWS_WANTED = 2;

interface Route extends EndpointSnapshot {
  readonly name: string;
}

type RouteOrder = (typeof ROUTE_ORDERS)[number];

const COMPARE: Readonly<Record<RouteOrder, (a: Route, b: Route) => number>> = {
  requests: (a, b) => b.requests - a.requests,
  p95: (a, b) => b.latency_p95_ms - a.latency_p95_ms,
  errors: (a, b) => b.errors - a.errors,
  name: () => 0,
};

export function apiBlock(scene: Scene, width: number): Block {
  const { endpoints } = scene.snapshot.api;
  const order = ROUTE_ORDERS[scene.view.routeOrder] ?? 'requests';
  const routes = Object.entries(endpoints)
    .map(([name, endpoint]): Route => ({ name, ...endpoint }))
    .sort((a, b) => COMPARE[order](a, b) || (a.name < b.name ? -1 : 1));
  const { head, rows } = table(columns(order, totalsOf(scene.snapshot)), routes, width);
  return {
    title: 'API',
    summary: summary(scene, width),
    ...(rows.length === 0
      ? { lead: [[span(totalsOf(scene.snapshot).hint || 'no request seen yet', 'muted')]] }
      : { head }),
    rows,
    rowsWanted: ROWS_WANTED,
    noun: 'routes',
  };
}

function summary({ snapshot, trends }: Scene, width: number): readonly Line[] {
  const { api } = snapshot;
  const totals = totalsOf(snapshot);
  const trend = sparkline(trends.requestsPerSecond, trendWidth(width));
  const share = shareText(totals, api.errors_total, api.requests_total);
  return [
    [
      span(decimal(api.requests_per_second), 'strong'),
      span(' req/s'),
      span(trend === '' ? '' : ` ${trend}`, 'good'),
    ],
    [span(totals.text(api.requests_total, count)), span(' requests', 'muted')],
    [
      span(totals.text(api.errors_total, count), errorTone(api.errors_total)),
      span(share === '' ? ' errors' : ` errors (${share})`, 'muted'),
    ],
  ];
}

const errorTone = (errors: number) => (errors > 0 ? 'warning' : 'ink');

function columns(order: RouteOrder, totals: Totals): readonly Column<Route>[] {
  const title = (text: string, of: RouteOrder) => (of === order ? `${text}▾` : text);
  return [
    { title: title('ROUTE', 'name'), rank: 0, cell: ({ name }) => span(name) },
    {
      title: title('REQUESTS', 'requests'),
      rank: 0,
      cell: ({ requests }) => span(totals.text(requests, count)),
    },
    {
      title: title('ERRORS', 'errors'),
      rank: 1,
      cell: ({ errors }) => span(totals.text(errors, count), errorTone(errors)),
    },
    {
      title: '%',
      rank: 3,
      cell: ({ errors, requests }) => span(shareText(totals, errors, requests), 'muted'),
    },
    { title: 'AVG', rank: 2, cell: ({ latency_avg_ms }) => span(timeSpan(latency_avg_ms), 'muted') },
    { title: title('P95', 'p95'), rank: 0, cell: ({ latency_p95_ms }) => span(timeSpan(latency_p95_ms)) },
  ];
}

function shareText(totals: Totals, errors: number, requests: number): string {
  return requests === 0 || !totals.known ? '' : percent((errors / requests) * 100);
}
