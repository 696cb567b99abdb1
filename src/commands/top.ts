import { keptAdminToken } from '../collector/kept-secrets.ts';
import { browserUrl, schemeOf } from '../collector/listen.ts';
import { type Config, readConfig } from '../config/config.ts';
import { NervecenterError } from '../core/errors.ts';
import { trustOf } from '../platform/ask.ts';
import { Access } from '../top/access.ts';
import { runTop } from '../top/app.ts';
import type { ColorDepth } from '../top/drawing/palette.ts';
import { oneFrame } from '../top/once.ts';

export interface TopCommandOptions {
  /** Print one frame and end. @default false on a terminal, true elsewhere */
  readonly once: boolean;
  /** @default the address of this configuration */
  readonly url: string | null;
}

/** For a frame that goes into a file or a pipe. */
const COLUMNS_DEFAULT = 100;
const DEPTHS: readonly ColorDepth[] = [24, 8, 4];
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The live figures of a running collector in the terminal. */
export async function top({ once, url }: TopCommandOptions): Promise<number> {
  const access = accessOf(readConfig(), url);
  if (once || !process.stdout.isTTY) {
    process.stdout.write(await oneFrame(access, process.stdout.columns || COLUMNS_DEFAULT));
    return 0;
  }
  const bits = process.stdout.getColorDepth();
  const depth = DEPTHS.find((one) => one <= bits) ?? 1;
  await runTop({ access, input: process.stdin, output: process.stdout, depth });
  return 0;
}

/**
 * Where to ask, and with which token: one in the address (`…/login#token=…`), else that of the settings, else the one that the collector of this data directory keeps. The last is told to this machine only.
 */
function accessOf(config: Config, url: string | null): Access {
  const address = url === null ? ownAddress(config) : parse(url);
  const given = /^#token=(.+)$/.exec(address.hash)?.[1] ?? config.adminTokens[0];
  const isHere = LOOPBACK.test(address.hostname) || url === null;
  const path = address.pathname.replace(/\/(login|admin(\/.*)?)?$/, '');
  const token = () => given ?? (isHere ? keptAdminToken(config.dataDir) : null);
  return new Access(`${address.origin}${path}`, token, { trust: trustOf(config.tls?.cert ?? null) });
}

function ownAddress(config: Config): URL {
  const { host, port } = config;
  if (port === 0) throw invalid('the address of a collector, because NERVECENTER_PORT is 0', 'none');
  return new URL(browserUrl(host, port, schemeOf(config)));
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed;
  throw invalid('an address such as http://127.0.0.1:9464', `"${url.slice(0, 80)}"`);
}

function invalid(expected: string, got: string): NervecenterError {
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `--url: expected ${expected}, got ${got}. Give what the collector printed at its start.`,
  );
}
