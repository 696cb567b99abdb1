import type { Config } from '../config.ts';
import type { Source } from '../core/frame.ts';
import { packageVersion } from '../version.ts';
import type { Storage } from './postgres/storage.ts';
import { loginUrl } from './server/login.ts';

interface NoticeOptions {
  readonly config: Config;
  readonly url: string;
  readonly tokens: readonly string[];
  readonly storage: Storage | null;
  /** False: storage cannot work as it is configured, and trying again would not help. */
  readonly usable: boolean;
  readonly host: Source | null;
}

/** What a person needs when nervecenter has started, and nothing else. */
export function startNotice({ config, url, tokens, storage, usable, host }: NoticeOptions): string {
  // A token the operator chose is theirs to know; only the one made for them is printed.
  const login = config.adminTokens.length > 0 ? `${url}/admin/system` : loginUrl(url, tokens[0] ?? '');
  const lines: [string, string][] = [
    ['dashboard', login],
    ['storage', storageLine(storage, usable)],
  ];
  if (host !== null) lines.push(['instrumented', host.instrumentations.join(', ')]);
  lines.push(['stop', storage === null ? 'Ctrl-C' : 'Ctrl-C; what is stored is kept']);
  const body = lines.map(([label, value]) => `  ${label.padEnd(13)}${value}\n`).join('');
  return `nervecenter ${packageVersion()} · ${config.service}\n${body}`;
}

function storageLine(storage: Storage | null, usable: boolean): string {
  if (storage === null) return 'off (NERVECENTER_STORAGE=off): live view only';
  if (!usable) return 'none, for the reason above: live view only';
  return storage.state === 'ok'
    ? storage.description
    : `${storage.description} (not reachable; rows wait in memory)`;
}
