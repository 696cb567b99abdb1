import type { Config } from '../config/config.ts';
import type { OtlpTarget } from '../config/otlp/target.ts';
import type { Source } from '../core/frame.ts';
import { packageVersion } from '../platform/version.ts';
import type { OtlpReceiver } from './otlp.ts';
import { loginUrl } from './server/login/login.ts';
import type { Storage } from './sinks/postgres/storage.ts';

interface NoticeOptions {
  readonly config: Config;
  readonly url: string;
  readonly otlp: OtlpReceiver;
  readonly tokens: readonly string[];
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
  const body = lines.map(([label, value]) => `  ${label.padEnd(13)}${value}\n`).join('');
  return `nervecenter ${packageVersion()} · ${config.service}\n${body}`;
}

/**
 * Where a person looks first. A token the operator chose is theirs to know; only the one made for them is told.
 *
 * @param tokens those that open the dashboard.
 */
export function firstLook({ config, url, tokens }: Pick<NoticeOptions, 'config' | 'url' | 'tokens'>): string {
  return config.adminTokens.length > 0 ? `${url}/admin/system` : loginUrl(url, tokens[0] ?? '');
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
