import type { Config } from '../config/config.ts';
import type { OtlpTarget } from '../config/otlp/target.ts';
import type { Source } from '../core/frame.ts';
import { SECOND_MS } from '../core/units.ts';
import { packageVersion } from '../platform/version.ts';
import type { PipelineCounts } from './live/live.ts';
import type { Log } from './log.ts';
import type { OtlpReceiver } from './otlp.ts';
import type { CollectorServer } from './server/server.ts';
import type { Storage } from './sinks/postgres/storage.ts';

interface NoticeOptions {
  readonly config: Config;
  readonly url: string;
  readonly otlp: OtlpReceiver;
  /** `null`: no dashboard is hosted here. */
  readonly server: Pick<CollectorServer, 'newLoginUrl'> | null;
  readonly storage: Storage | null;
  /** False: storage cannot work as it is configured, and trying again would not help. */
  readonly usable: boolean;
  readonly host: Source | null;
}

/** What a person needs when nervecenter has started, and nothing else. */
export function startNotice(options: NoticeOptions): string {
  const { config, url, storage, host } = options;
  const lines: [string, string][] =
    url === ''
      ? [['dashboard', 'not here: sending only (NERVECENTER_LOCAL)']]
      : [
          ['dashboard', firstLook(options)],
          ['storage', storageLine(options)],
        ];
  for (const target of config.otlpTargets) lines.push(['sending', sendingLine(target)]);
  lines.push(...otlpLines(options.otlp));
  if (host !== null) lines.push(...seenLines(host));
  lines.push(['stop', storage === null ? 'Ctrl-C' : 'Ctrl-C; what is stored is kept']);
  if (url !== '') lines.push(['next', nextStep(host, config)]);
  const body = lines.map(([label, value]) => `  ${label.padEnd(13)}${value}\n`).join('');
  return `nervecenter ${packageVersion()} · ${config.service}\n${body}`;
}

/** Where a person looks first. A token the operator chose is theirs to know; where one was made, a link logs them in. */
export function firstLook({ config, url, server }: Pick<NoticeOptions, 'config' | 'url' | 'server'>): string {
  return config.adminTokens.length > 0 || server === null ? `${url}/admin/system` : server.newLoginUrl();
}

/** What makes the first figures. */
function nextStep(host: Source | null, { intervalMs }: Config): string {
  const soon = `within ${Math.round(intervalMs / SECOND_MS)} s`;
  return host === null
    ? `start an app beside it, as node --require nervecenter/otel app.js: it shows ${soon}`
    : `open the dashboard and use the app: requests, model calls and cost show ${soon}`;
}

/** Where to, without what a URL may hold besides its host. */
function sendingLine({ name, endpoints, nervecenter }: OtlpTarget): string {
  const signals = Object.entries(endpoints);
  const hosts = new Set(signals.map(([, { url }]) => new URL(url).host));
  const what = nervecenter ? 'events' : signals.map(([signal]) => signal).join(', ');
  return `${what} to ${[...hosts].join(', ')} (${name})`;
}

/** What is observed in the app, and what of it cannot be. */
function seenLines({ instrumentations, unseen = [] }: Source): [string, string][] {
  const not: [string, string][] = unseen.length === 0 ? [] : [['not seen', unseen.join('; ')]];
  return [['instrumented', instrumentations.join(', ')], ...not];
}

/** Where others send, and the key that was made for them. */
function otlpLines({ http, grpc, madeKey }: OtlpReceiver): [string, string][] {
  const addresses = [http === null ? [] : `${http} (HTTP)`, grpc === null ? [] : `${grpc} (gRPC)`].flat();
  if (addresses.length === 0) return [];
  const key: [string, string][] = madeKey === null ? [] : [['otlp key', madeKey]];
  return [['otlp', addresses.join(', ')], ...key];
}

function storageLine({ storage, usable, config: { spoolMaxBytes } }: NoticeOptions): string {
  if (storage === null) return 'off (NERVECENTER_STORAGE=off): live view only';
  if (!usable) return 'none, for the reason above: live view only';
  if (storage.state === 'ok') return storage.description;
  const place = storage.durable && spoolMaxBytes > 0 ? 'the spool' : 'memory';
  return `${storage.description} (not reachable; rows wait in ${place})`;
}

/** What of a collector's work outlives it. */
interface Stopped {
  readonly counts: Pick<PipelineCounts, 'events_stored' | 'events_queued' | 'dropped'>;
  readonly storage: Pick<Storage, 'description'> | null;
}

/** What is there after the end, where, and how to see it again: a sentence, or empty where nothing was recorded. */
export function stopNotice({ counts, storage }: Stopped): string {
  if (storage === null) return 'nothing is kept (NERVECENTER_STORAGE=off)';
  const { events_stored: stored, events_queued: queued, dropped } = counts;
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  if (stored + queued + lost === 0) return '';
  const parts = [
    ...(stored > 0 || queued === 0 ? [`${rows(stored)} kept in ${storage.description}`] : []),
    ...(queued > 0 ? [`${rows(queued)} wait in the spool for the next start to store them`] : []),
    ...(lost > 0 ? [`${rows(lost)} lost (${reasons(dropped)})`] : []),
  ];
  return `${parts.join(', ')}; to see them again: start it again, or npx nervecenter collector`;
}

/** As the last line of who hosted it. */
export function sayKept(collector: { kept(): string }, log: Log): void {
  const kept = collector.kept();
  if (kept !== '') log('stopped', kept);
}

function rows(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'row' : 'rows'}`;
}

function reasons(dropped: Readonly<Record<string, number>>): string {
  return Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([reason]) => reason)
    .join(', ');
}

/** The token is told to processes of this user; where others may ask as well it is not. */
export function toldLogin(options: Parameters<typeof firstLook>[0]): string {
  return process.platform === 'win32' ? `${options.url}/admin/system` : firstLook(options);
}
