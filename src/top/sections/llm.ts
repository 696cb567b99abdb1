import { type Totals, totalsOf } from '../../client/totals.ts';
import type { ModelSnapshot } from '../../core/snapshot.ts';
import { sparkline, trendWidth } from '../drawing/bars.ts';
import { type Column, table } from '../drawing/table.ts';
import { type Line, span, wrapped } from '../drawing/text.ts';
import { cost, count, timeSpan, tokens } from '../figures.ts';
import { MODEL_ORDERS } from '../keyboard.ts';
import type { Block, Scene } from '../picture.ts';

const ROWS_WANTED = 2;

type ModelOrder = (typeof MODEL_ORDERS)[number];

const COMPARE: Readonly<Record<ModelOrder, (a: ModelSnapshot, b: ModelSnapshot) => number>> = {
  cost: (a, b) => b.cost_usd - a.cost_usd,
  calls: (a, b) => b.requests - a.requests,
  p95: (a, b) => b.latency_p95_ms - a.latency_p95_ms,
  errors: (a, b) => b.errors - a.errors,
  name: () => 0,
};

export function llmBlock(scene: Scene, width: number): Block {
  const { llm } = scene.snapshot;
  const order = MODEL_ORDERS[scene.view.modelOrder] ?? 'cost';
  const models = llm.by_model.toSorted((a, b) => COMPARE[order](a, b) || (nameOf(a) < nameOf(b) ? -1 : 1));
  const { head, rows } = table(columns(order, totalsOf(scene.snapshot)), models, width);
  return {
    title: 'LLM',
    summary: summary(scene, width),
    ...(rows.length === 0 ? {} : { head }),
    rows,
    rowsWanted: ROWS_WANTED,
    noun: 'models',
  };
}

function summary({ snapshot, trends }: Scene, width: number): readonly Line[] {
  const { llm } = snapshot;
  const totals = totalsOf(snapshot);
  if (totals.isNone(llm.total_requests)) return [[span('no call seen yet', 'muted')]];
  const trend = sparkline(trends.costPerHourUsd, trendWidth(width));
  return [
    [
      span(totals.text(llm.cost_total_usd, cost), 'money'),
      span(`, ${cost(llm.cost_per_hour_usd)}/h`),
      span(trend === '' ? '' : ` ${trend}`, 'money'),
    ],
    [span(totals.text(llm.total_requests, count)), span(' calls', 'muted')],
    [
      span(totals.text(llm.error_count, count), llm.error_count > 0 ? 'warning' : 'ink'),
      span(' errors', 'muted'),
    ],
    ...(llm.unpriced_requests > 0
      ? [[span(`${totals.text(llm.unpriced_requests, count)} unpriced`, 'warning')]]
      : []),
  ];
}

/** The LLM page: tokens by kind, times, and what the figures leave out, above the models. */
export function llmDetailBlock(scene: Scene, width: number): Block {
  const { llm } = scene.snapshot;
  const block = llmBlock(scene, width);
  if (totalsOf(scene.snapshot).isNone(llm.total_requests)) return block;
  return {
    ...block,
    lead: [...tokensLines(scene, width), ...timesLines(scene, width), ...caveatLines(scene, width)],
  };
}

function tokensLines({ snapshot }: Scene, width: number): readonly Line[] {
  const { llm } = snapshot;
  const total = (value: number) => span(totalsOf(snapshot).text(value, tokens));
  return wrapped(
    [
      [span('tokens in ', 'muted'), total(llm.tokens_in_total)],
      [span('of them cached ', 'muted'), total(llm.tokens_cached_total)],
      [span('out ', 'muted'), total(llm.tokens_out_total)],
      [span('of them reasoning ', 'muted'), total(llm.tokens_reasoning_total)],
    ],
    width,
  );
}

function timesLines({ snapshot: { llm }, trends }: Scene, width: number): readonly Line[] {
  const trend = sparkline(trends.llmLatencyMs, trendWidth(width));
  return wrapped(
    [
      [
        span('latency avg ', 'muted'),
        span(timeSpan(llm.latency_avg_ms)),
        span(trend === '' ? '' : ` ${trend}`, 'good'),
      ],
      [span('p95 ', 'muted'), span(timeSpan(llm.latency_p95_ms))],
      [span('p99 ', 'muted'), span(timeSpan(llm.latency_p99_ms))],
      [
        span('first token ', 'muted'),
        span(timeSpan(llm.first_token_avg_ms)),
        span(' p95 ', 'muted'),
        span(timeSpan(llm.first_token_p95_ms)),
      ],
    ],
    width,
  );
}

function caveatLines({ snapshot }: Scene, width: number): readonly Line[] {
  const { llm } = snapshot;
  const totals = totalsOf(snapshot);
  return wrapped(
    [
      [span(totals.text(llm.estimated_requests, count)), span(' with estimated tokens', 'muted')],
      [span(totals.text(llm.aborted_requests, count)), span(' aborted', 'muted')],
      [span(totals.text(llm.unpriced_requests, count)), span(' in no cost figure', 'muted')],
      [span('prompt caches saved ', 'muted'), span(totals.text(llm.cache_savings_usd, cost))],
    ],
    width,
  );
}

const nameOf = ({ provider, model }: ModelSnapshot) => `${provider}/${model}`;

/** A cost of 0 beside calls without a price means unknown, not free. */
function costText({ cost_usd, unpriced_requests }: ModelSnapshot, totals: Totals): string {
  if (!totals.known) return totals.text(cost_usd, cost);
  if (unpriced_requests === 0) return cost(cost_usd);
  return cost_usd === 0 ? 'unknown' : `>${cost(cost_usd)}`;
}

function columns(order: ModelOrder, totals: Totals): readonly Column<ModelSnapshot>[] {
  const title = (text: string, of: ModelOrder) => (of === order ? `${text}▾` : text);
  return [
    { title: title('MODEL', 'name'), rank: 0, cell: (model) => span(nameOf(model)) },
    { title: title('CALLS', 'calls'), rank: 1, cell: ({ requests }) => span(totals.text(requests, count)) },
    {
      title: title('ERRORS', 'errors'),
      rank: 2,
      cell: ({ errors }) => span(totals.text(errors, count), errors > 0 ? 'warning' : 'ink'),
    },
    { title: 'IN', rank: 2, cell: ({ tokens_in }) => span(totals.text(tokens_in, tokens), 'muted') },
    { title: 'OUT', rank: 2, cell: ({ tokens_out }) => span(totals.text(tokens_out, tokens), 'muted') },
    { title: title('P95', 'p95'), rank: 1, cell: ({ latency_p95_ms }) => span(timeSpan(latency_p95_ms)) },
    {
      title: title('COST', 'cost'),
      rank: 0,
      cell: (model) => span(costText(model, totals), model.unpriced_requests > 0 ? 'warning' : 'money'),
    },
  ];
}
