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
  const { head, rows } = table(columns(order), models, width);
  return {
    title: 'LLM',
    summary: summary(scene, width),
    ...(rows.length === 0 ? {} : { head }),
    rows,
    rowsWanted: ROWS_WANTED,
    noun: 'models',
  };
}

function summary({ snapshot: { llm }, trends }: Scene, width: number): readonly Line[] {
  if (llm.total_requests === 0) return [[span('no call seen yet', 'muted')]];
  const trend = sparkline(trends.costPerHourUsd, trendWidth(width));
  return [
    [
      span(cost(llm.cost_total_usd), 'money'),
      span(`, ${cost(llm.cost_per_hour_usd)}/h`),
      span(trend === '' ? '' : ` ${trend}`, 'money'),
    ],
    [span(count(llm.total_requests)), span(' calls', 'muted')],
    [span(count(llm.error_count), llm.error_count > 0 ? 'warning' : 'ink'), span(' errors', 'muted')],
    ...(llm.unpriced_requests > 0 ? [[span(`${count(llm.unpriced_requests)} unpriced`, 'warning')]] : []),
  ];
}

/** The LLM page: tokens by kind, times, and what the figures leave out, above the models. */
export function llmDetailBlock(scene: Scene, width: number): Block {
  const { llm } = scene.snapshot;
  const block = llmBlock(scene, width);
  if (llm.total_requests === 0) return block;
  return {
    ...block,
    lead: [...tokensLines(scene, width), ...timesLines(scene, width), ...caveatLines(scene, width)],
  };
}

function tokensLines({ snapshot: { llm } }: Scene, width: number): readonly Line[] {
  return wrapped(
    [
      [span('tokens in ', 'muted'), span(tokens(llm.tokens_in_total))],
      [span('of them cached ', 'muted'), span(tokens(llm.tokens_cached_total))],
      [span('out ', 'muted'), span(tokens(llm.tokens_out_total))],
      [span('of them reasoning ', 'muted'), span(tokens(llm.tokens_reasoning_total))],
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

function caveatLines({ snapshot: { llm } }: Scene, width: number): readonly Line[] {
  return wrapped(
    [
      [span(count(llm.estimated_requests)), span(' with estimated tokens', 'muted')],
      [span(count(llm.aborted_requests)), span(' aborted', 'muted')],
      [span(count(llm.unpriced_requests)), span(' in no cost figure', 'muted')],
      [span('prompt caches saved ', 'muted'), span(cost(llm.cache_savings_usd))],
    ],
    width,
  );
}

const nameOf = ({ provider, model }: ModelSnapshot) => `${provider}/${model}`;

/** A cost of 0 beside calls without a price means unknown, not free. */
function costText({ cost_usd, unpriced_requests }: ModelSnapshot): string {
  if (unpriced_requests === 0) return cost(cost_usd);
  return cost_usd === 0 ? 'unknown' : `>${cost(cost_usd)}`;
}

function columns(order: ModelOrder): readonly Column<ModelSnapshot>[] {
  const title = (text: string, of: ModelOrder) => (of === order ? `${text}▾` : text);
  return [
    { title: title('MODEL', 'name'), rank: 0, cell: (model) => span(nameOf(model)) },
    { title: title('CALLS', 'calls'), rank: 1, cell: ({ requests }) => span(count(requests)) },
    {
      title: title('ERRORS', 'errors'),
      rank: 2,
      cell: ({ errors }) => span(count(errors), errors > 0 ? 'warning' : 'ink'),
    },
    { title: 'IN', rank: 2, cell: ({ tokens_in }) => span(tokens(tokens_in), 'muted') },
    { title: 'OUT', rank: 2, cell: ({ tokens_out }) => span(tokens(tokens_out), 'muted') },
    { title: title('P95', 'p95'), rank: 1, cell: ({ latency_p95_ms }) => span(timeSpan(latency_p95_ms)) },
    {
      title: title('COST', 'cost'),
      rank: 0,
      cell: (model) => span(costText(model), model.unpriced_requests > 0 ? 'warning' : 'money'),
    },
  ];
}
