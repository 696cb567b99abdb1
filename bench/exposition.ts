// A scrape of 10,000 histogram series: the whole, and how long it holds up whoever shares the event loop.

import { Child } from './child.ts';
import type { Blocked, Kind } from './exposition-server.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, round, type Samples, spread } from './measure.ts';

const ROUNDS = 7;
const BLOCKED_MS_MAX = 5;
const WHOLE_MS_MAX = 130;
const KINDS: readonly Kind[] = ['nervecenter', 'prom-client', 'exporter-prometheus'];
const TEXT = 'text/plain';
/** The collector's other formats, which the peers have not, or not of this. */
const FORMATS = {
  OpenMetrics: 'application/openmetrics-text;version=1.0.0',
  'Protocol Buffers':
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const;

interface Scrape extends Blocked {
  readonly wholeMs: number;
}

export async function run(): Promise<Figure[]> {
  const children = new Map<Kind, Child>();
  try {
    const scrapes = Object.fromEntries(KINDS.map((kind) => [kind, [] as Scrape[]])) as Record<Kind, Scrape[]>;
    const scrapers = {} as Record<Kind, () => Promise<number>>;
    let formats = {} as Record<keyof typeof FORMATS, () => Promise<number>>;
    for (const kind of KINDS) {
      const child = new Child('exposition-server.ts', { args: [kind] });
      children.set(kind, child);
      const { port } = await child.next<{ port: number }>();
      scrapers[kind] = async () => {
        const one = await scrape(child, port, TEXT);
        scrapes[kind].push(one);
        return one.wholeMs;
      };
      if (kind === 'nervecenter') formats = formatScrapers(child, port);
    }
    const whole = await interleaved(ROUNDS, scrapers);
    for (const kind of KINDS) scrapes[kind].shift(); // The round that warms up.
    return [...figures(scrapes, whole), ...formatFigures(await interleaved(ROUNDS, formats))];
  } finally {
    await Promise.all([...children.values()].map((child) => child.stop()));
  }
}

function formatScrapers(child: Child, port: number): Record<keyof typeof FORMATS, () => Promise<number>> {
  return {
    OpenMetrics: async () => (await scrape(child, port, FORMATS.OpenMetrics)).wholeMs,
    'Protocol Buffers': async () => (await scrape(child, port, FORMATS['Protocol Buffers'])).wholeMs,
  };
}

function formatFigures(whole: Samples<keyof typeof FORMATS>): Figure[] {
  return (Object.keys(FORMATS) as (keyof typeof FORMATS)[]).map((format) => ({
    what: `the same as ${format}`,
    budget: `<= ${WHOLE_MS_MAX} ms`,
    within: median(whole[format]) <= WHOLE_MS_MAX,
    ours: `${round(median(whole[format]))} ms`,
    raw: spread(whole[format], 'ms'),
  }));
}

async function scrape(child: Child, port: number, accept: string): Promise<Scrape> {
  await child.ask('begin');
  const begin = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } });
  await response.arrayBuffer();
  const wholeMs = performance.now() - begin;
  return { ...(await child.ask<Blocked>('end')), wholeMs };
}

function figures(scrapes: Readonly<Record<Kind, readonly Scrape[]>>, whole: Samples<Kind>): Figure[] {
  const pick = (key: keyof Scrape) =>
    Object.fromEntries(
      KINDS.map((kind) => [kind, scrapes[kind].map((one) => one[key])]),
    ) as unknown as Samples<Kind>;
  const longest = pick('longestCpuMs');
  const clock = pick('longestMs');
  return [
    {
      what: 'longest stretch of the event loop, CPU time',
      budget: `<= ${BLOCKED_MS_MAX} ms`,
      within: median(longest.nervecenter) <= BLOCKED_MS_MAX,
      ours: `${round(median(longest.nervecenter))} ms`,
      peers: times(longest),
      raw: `${raw(longest)}; on the clock ${raw(clock)}`,
    },
    {
      what: 'whole scrape over HTTP',
      budget: `<= ${WHOLE_MS_MAX} ms`,
      within: median(whole.nervecenter) <= WHOLE_MS_MAX,
      ours: `${round(median(whole.nervecenter))} ms`,
      peers: times(whole),
      raw: raw(whole),
    },
  ];
}

function times(samples: Samples<Kind>): string {
  return KINDS.slice(1)
    .map((kind) => `${kind} ${round(pairedRatio(samples[kind], samples.nervecenter))} x as long`)
    .join('; ');
}

function raw(samples: Samples<Kind>): string {
  return KINDS.map((kind) => `${kind} ${spread(samples[kind], 'ms')}`).join('; ');
}
