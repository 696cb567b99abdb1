import type { MetricFamily } from '../metric-family.ts';

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

/** The statistics as metrics of the collector itself. */
export function statisticsFamilies(statistics: ServerStatistics, viewers: number): MetricFamily[] {
  return [
    {
      name: 'nervecenter.server.viewers',
      unit: '{viewer}',
      description: 'Dashboards connected to the stream.',
      kind: 'gauge',
      series: [{ attributes: {}, value: viewers }],
    },
    {
      name: 'nervecenter.server.viewer.skipped_ticks',
      unit: '{tick}',
      description: 'Snapshots not sent to a viewer that had not taken the earlier ones yet.',
      kind: 'counter',
      series: [{ attributes: {}, value: statistics.viewersSkippedTicks }],
    },
    {
      name: 'nervecenter.server.logouts_forgotten',
      unit: '{session}',
      description: 'Logouts forgotten before the cookies of the session had expired.',
      kind: 'counter',
      series: [{ attributes: {}, value: statistics.logoutsForgotten }],
    },
    byReason('nervecenter.server.viewer.disconnects', 'Viewers disconnected by the server.', {
      slow: statistics.viewersSlow,
      talkative: statistics.viewersTalkative,
      silent: statistics.viewersSilent,
    }),
    byReason('nervecenter.server.refusals', 'Requests and connections refused before they were answered.', {
      host: statistics.hostsRefused,
      origin: statistics.originsRefused,
      token: statistics.attemptsFailed,
      attempts: statistics.attemptsRefused,
      viewers: statistics.viewersRefused,
      connections: statistics.connectionsDropped,
      scrapes: statistics.scrapesRefused,
      malformed: statistics.requestsMalformed,
    }),
  ];
}

function byReason(name: string, description: string, counts: Readonly<Record<string, number>>): MetricFamily {
  return {
    name,
    unit: '{event}',
    description,
    kind: 'counter',
    series: Object.entries(counts).map(([reason, value]) => ({ attributes: { reason }, value })),
  };
}
