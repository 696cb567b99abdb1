// A scrape of 10,000 histogram series: the whole, and how long it holds up whoever shares the event loop.

import { Child } from './child.ts';
import type { Blocked, Kind } from './exposition-server.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, round, type Samples, spread } from './measure.ts';

const ROUNDS = 7;
const BLOCKED_MS_MAX = 10;
const WHOLE_MS_MAX = 400;
const KINDS: readonly Kind[] = ['nervecenter', 'prom-client', 'exporter-prometheus'];

interface Scrape extends Blocked {
  readonly wholeMs: number;
}

export async function run(): Promise<Figure[]> {
  const children = new Map<Kind, Child>();
  try {
    const scrapes = Object.fromEntries(KINDS.map((kind) => [kind, [] as Scrape[]])) as Record<Kind, Scrape[]>;
    const scrapers = {} as Record<Kind, () => Promise<number>>;
    for (const kind of KINDS) {
      const child = new Child('exposition-server.ts', { args: [kind] });
      children.set(kind, child);
      const { port } = await child.next<{ port: number }>();
      scrapers[kind] = async () => {
        const one = await scrape(child, port);
        scrapes[kind].push(one);
        return one.wholeMs;
      };
    }
    const whole = await interleaved(ROUNDS, scrapers);
    for (const kind of KINDS) scrapes[kind].shift(); // The round that warms up.
    return figures(scrapes, whole);
  } finally {
    await Promise.all([...children.values()].map((child) => child.stop()));
  }
}

async function scrape(child: Child, port: number): Promise<Scrape> {
  await child.ask('begin');
  const begin = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
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
