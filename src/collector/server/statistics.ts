import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { CounterSpec, GaugeSpec } from '../../core/signals/instruments.ts';

/** What the server refused, skipped or gave up since it started; every bound of the server counts here. */
export interface ServerStatistics {
  viewersSlow: number;
  viewersSkippedTicks: number;
  viewersTalkative: number;
  viewersSilent: number;
  viewersRefused: number;
  hostsRefused: number;
  originsRefused: number;
  attemptsFailed: number;
  attemptsRefused: number;
  connectionsDropped: number;
  scrapesRefused: number;
  requestsMalformed: number;
  logoutsForgotten: number;
}

export function emptyStatistics(): ServerStatistics {
  return {
    viewersSlow: 0,
    viewersSkippedTicks: 0,
    viewersTalkative: 0,
    viewersSilent: 0,
    viewersRefused: 0,
    hostsRefused: 0,
    originsRefused: 0,
    attemptsFailed: 0,
    attemptsRefused: 0,
    connectionsDropped: 0,
    scrapesRefused: 0,
    requestsMalformed: 0,
    logoutsForgotten: 0,
  };
}

/** The metrics of the server itself. */
const VIEWERS: GaugeSpec = {
  name: 'nervecenter.server.viewers',
  kind: 'gauge',
  unit: '{viewer}',
  description: 'Dashboards connected to the stream.',
};
const SKIPPED_TICKS: CounterSpec = {
  name: 'nervecenter.server.viewer.skipped_ticks',
  kind: 'counter',
  unit: '{tick}',
  description: 'Snapshots not sent to a viewer that had not taken the earlier ones yet.',
};
const LOGOUTS_FORGOTTEN: CounterSpec = {
  name: 'nervecenter.server.logouts_forgotten',
  kind: 'counter',
  unit: '{session}',
  description: 'Logouts no longer known one by one: every session as old has ended as well.',
};
const DISCONNECTS: CounterSpec = {
  name: 'nervecenter.server.viewer.disconnects',
  kind: 'counter',
  unit: '{event}',
  description: 'Viewers disconnected by the server.',
};
const REFUSALS: CounterSpec = {
  name: 'nervecenter.server.refusals',
  kind: 'counter',
  unit: '{event}',
  description: 'Requests and connections refused before they were answered.',
};

/** Has the meter's reader observe the statistics, whenever it collects. */
export function observeStatistics(meter: Meter, statistics: ServerStatistics, viewers: () => number): void {
  const counter = ({ name, unit, description }: CounterSpec) =>
    meter.createObservableCounter(name, { unit, description });
  const { name, unit, description } = VIEWERS;
  meter.createObservableGauge(name, { unit, description }).addCallback((result) => result.observe(viewers()));
  counter(SKIPPED_TICKS).addCallback((result) => result.observe(statistics.viewersSkippedTicks));
  counter(LOGOUTS_FORGOTTEN).addCallback((result) => result.observe(statistics.logoutsForgotten));
  counter(DISCONNECTS).addCallback((result) =>
    byReason(result, {
      slow: statistics.viewersSlow,
      talkative: statistics.viewersTalkative,
      silent: statistics.viewersSilent,
    }),
  );
  counter(REFUSALS).addCallback((result) =>
    byReason(result, {
      host: statistics.hostsRefused,
      origin: statistics.originsRefused,
      token: statistics.attemptsFailed,
      attempts: statistics.attemptsRefused,
      viewers: statistics.viewersRefused,
      connections: statistics.connectionsDropped,
      scrapes: statistics.scrapesRefused,
      malformed: statistics.requestsMalformed,
    }),
  );
}

function byReason(result: ObservableResult, counts: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(counts)) result.observe(count, { reason });
}
