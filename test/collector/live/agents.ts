import { randomUUID } from 'node:crypto';
import { Live, type PipelineCounts } from '../../../src/collector/live/live.ts';
import type { Attributes, Frame, HistogramPoint, Point, Source } from '../../../src/core/frame.ts';
import { bucketIndex } from '../../../src/core/histogram.ts';
import type { InstrumentSpec } from '../../../src/core/signals/instruments.ts';
import { milliseconds } from '../../../src/core/units.ts';

export const WINDOW_MS = 300_000;

const NO_STORAGE: PipelineCounts = {
  offered: 0,
  events_stored: 0,
  events_queued: 0,
  events_in_flight: 0,
  dropped: {},
  spool_bytes: 0,
  storage: 'off',
  durable: true,
  totals: 'known',
  prices_version: 'test',
};

/** A live view whose clock and storage the test decides. */
export class ClockedLive {
  nowMs = 1_700_000_000_000;
  pipeline: PipelineCounts = NO_STORAGE;
  readonly live = new Live({
    service: 'test',
    bootId: 'boot',
    windowMs: milliseconds(WINDOW_MS),
    now: () => milliseconds(this.nowMs),
    pipeline: () => this.pipeline,
  });

  /** An agent that has joined. */
  agent(service = 'app', source: Partial<Source> = {}): FakeAgent {
    const agent = new FakeAgent(this.live, {
      service,
      instanceId: randomUUID(),
      host: 'h',
      pid: 1,
      instrumentations: [],
      frameIntervalMs: milliseconds(1000),
      ...source,
    });
    agent.join();
    return agent;
  }
}

export class FakeAgent {
  readonly source: Source;
  readonly #live: Live;

  constructor(live: Live, source: Source) {
    this.#live = live;
    this.source = source;
  }

  join(): boolean {
    return this.#live.join(this.source);
  }

  send(
    points: readonly Point[],
    dropped: Record<string, number> = {},
    told: Pick<Frame, 'nextInMs'> = {},
  ): void {
    this.#live.merge(this.source.instanceId, { points, dropped, ...told });
  }

  leave(): void {
    this.#live.leave(this.source.instanceId);
  }
}

export function pointOf(
  { name, unit, kind }: Pick<InstrumentSpec, 'name' | 'unit' | 'kind'>,
  value: number,
  attributes: Attributes = {},
): Point {
  return {
    kind: kind === 'counter' ? 'counter' : 'gauge',
    name,
    unit,
    description: '',
    attributes,
    value,
  };
}

export function histogramOf(
  { name, unit }: Pick<InstrumentSpec, 'name' | 'unit'>,
  values: readonly number[],
  attributes: Attributes = {},
): HistogramPoint {
  const indexes = values.filter((value) => value > 0).map(bucketIndex);
  const offset = indexes.length === 0 ? 0 : Math.min(...indexes);
  const counts = indexes.length === 0 ? [] : new Array<number>(Math.max(...indexes) - offset + 1).fill(0);
  for (const index of indexes) counts[index - offset] = (counts[index - offset] ?? 0) + 1;
  return {
    kind: 'histogram',
    name,
    unit,
    description: '',
    attributes,
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    zeroCount: values.length - indexes.length,
    offset,
    counts,
  };
}

export const requestsOf = (route: string, values: readonly number[], status = 200): HistogramPoint =>
  histogramOf({ name: 'http.server.request.duration', unit: 's' }, values, {
    'http.route': route,
    'http.request.method': 'GET',
    'http.response.status_code': status,
  });
