import { once } from 'node:events';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Client, ClientConfig } from 'pg';
import { INSTRUMENTATIONS } from '../agent/instrumentations.ts';
import { keptAdminToken } from '../collector/kept-secrets.ts';
import { browserUrl, otlpSchemeOf, schemeOf } from '../collector/listen.ts';
import { DEFAULT_PORTS, otlpPorts } from '../collector/otlp.ts';
import { createPricer } from '../collector/pricing/pricer.ts';
import { configuredServer, shownPath } from '../collector/sinks/postgres/configured-server.ts';
import { storageError } from '../collector/sinks/postgres/connect/failure.ts';
import { externalServer } from '../collector/sinks/postgres/connect/postgres-server.ts';
import { clientOf } from '../collector/sinks/postgres/connect/schema.ts';
import { prepareHome } from '../collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../collector/sinks/postgres/embedded/running.ts';
import { schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { validityTrouble } from '../collector/tls/identity.ts';
import { nameOf, readPemFiles } from '../collector/tls/pem-files.ts';
import { type Config, type ListenerPort, readConfig, unknownSettings } from '../config/config.ts';
import { effectiveSettings } from '../config/effective-settings.ts';
import { describeError } from '../core/errors.ts';
import type { HealthStatus } from '../core/snapshot.ts';
import { ask, trustOf } from '../platform/ask.ts';
import { packageVersion } from '../platform/version.ts';
import { apiOwner } from './api-owner.ts';

const PROBE_TIMEOUT_MS = 3000;
const HEALTH_STATUSES: readonly HealthStatus[] = ['healthy', 'degraded', 'critical'];
/** What a program on the port says is not to be trusted; ours has a handful of short texts. */
const ISSUES_MAX = 20;
const ISSUE_LENGTH_MAX = 80;

/** One line of the report. */
interface Finding {
  readonly text: string;
  /** A collector with this configuration would not start, or would not store. */
  readonly failed: boolean;
}

/**
 * Prints the effective configuration with secrets masked, what is instrumented and what can be reached. The exit code is 1
 * when storage, the files of TLS or that of prices cannot be used.
 */
export async function doctor(): Promise<number> {
  const config = readConfig();
  const prices = pricesState(config);
  const tls = tlsState(config);
  const storage = await storageState(config);
  const lines: [string, string][] = [
    ['nervecenter', packageVersion()],
    ['node', process.version],
    ...Object.entries(effectiveSettings(config)),
    ...unknownSettings().map(({ name, meant }): [string, string] => [
      name,
      `unknown, has no effect${meant === null ? '' : `; did you mean ${meant}?`}`,
    ]),
    ['instrumented', `where an app has it: ${INSTRUMENTATIONS.map(({ name }) => name).join(', ')}`],
    ['opentelemetry', apiOwner(config, process.cwd())],
    ['prices', prices.text],
    ['tls', tls.text],
    ['access', accessState(config)],
    ['collector', await collectorState(config)],
    ['otlp', await otlpState(config)],
    ['storage', storage.text],
    ['storage of apps', appsStorage(config)],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
  return [prices, tls, storage].some(({ failed }) => failed) ? 1 : 0;
}

function pricesState({ pricesPath }: Config): Finding {
  try {
    return { text: createPricer({ overridesPath: pricesPath, log: () => {} }).version, failed: false };
  } catch (error) {
    return { text: describeError(error), failed: true };
  }
}

function tlsState({ tls }: Config): Finding {
  if (tls === null) return { text: 'off', failed: false };
  try {
    const files = readPemFiles(tls);
    const { certificate } = files;
    const valid = `${nameOf(certificate)}, valid to ${certificate.validTo}`;
    return { text: validityTrouble(files, Date.now()) ?? valid, failed: false };
  } catch (error) {
    return { text: describeError(error), failed: true };
  }
}

/** Who gets in, and how long that lasts: a token that cannot be kept is nobody's, and another one after each start. */
function accessState({ adminTokens, dataDir }: Pick<Config, 'adminTokens' | 'dataDir'>): string {
  if (adminTokens.length > 0) return 'by NERVECENTER_ADMIN_TOKEN';
  const shown = shownPath(dataDir);
  if (keptAdminToken(dataDir) !== null) return `by the login link, and by the token in ${shown}/admin-token`;
  const trouble = troubleIn(dataDir);
  if (trouble === null)
    return `by the login link, and by the token that the collector will keep in ${shown}/admin-token`;
  return `by the login link alone, and anew after each start, because no token can be kept in ${shown} (${trouble}). Make that directory one that the collector may write to, or set NERVECENTER_ADMIN_TOKEN`;
}

/** Why nothing can be written there; `null`: it can. */
function troubleIn(dataDir: string): string | null {
  let directory = dataDir;
  while (!existsSync(directory) && dirname(directory) !== directory) directory = dirname(directory);
  try {
    if (!statSync(directory).isDirectory()) return `${directory} is no directory`;
    accessSync(directory, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return describeError(error);
  }
}

async function collectorState(config: Config): Promise<string> {
  const { host, port, tls } = config;
  if (port === 0) return 'any free port, known once it runs';
  const url = `${browserUrl(host, port, schemeOf(config))}/api/metrics/health`;
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const response = await ask(url, { signal, trust: trustOf(tls?.cert ?? null) });
    const health = healthIn(await response.text());
    return health === null ? 'the port is taken by something else' : `running, ${health}`;
  } catch (error) {
    return `not running (${reason(error)})`;
  }
}

/** Of both listeners, as a collector alone has them. */
async function otlpState(config: Config): Promise<string> {
  const { http, grpc } = otlpPorts(config, DEFAULT_PORTS);
  const states = await Promise.all([
    listenerState('HTTP', config, http),
    listenerState('gRPC', config, grpc),
  ]);
  return states.join(', ');
}

async function listenerState(protocol: string, config: Config, port: ListenerPort): Promise<string> {
  if (port === 'off') return `${protocol} off`;
  if (port === 0) return `${protocol} on any free port`;
  const url = browserUrl(config.host, port, otlpSchemeOf(config));
  const socket = connect({ host: new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'), port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return `${protocol} ${url}, which listens`;
  } catch {
    return `${protocol} ${url}, where nobody listens`;
  } finally {
    socket.destroy();
  }
}

/** The verdict in a health answer with what led to it, `null` when the text is none. */
function healthIn(text: string): string | null {
  try {
    const { status, issues } = JSON.parse(text) as { readonly status?: unknown; readonly issues?: unknown };
    const verdict = HEALTH_STATUSES.find((known) => known === status);
    if (verdict === undefined) return null;
    const texts = Array.isArray(issues) ? issues.filter((issue) => typeof issue === 'string') : [];
    const shown = texts.slice(0, ISSUES_MAX).map((issue) => printable(issue));
    return shown.length === 0 ? verdict : `${verdict}: ${shown.join(', ')}`;
  } catch {
    return null; // Not JSON, so not ours.
  }
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, ISSUE_LENGTH_MAX);
}

async function storageState(config: Config): Promise<Finding> {
  const { storage, postgres, dataDir } = config;
  if (storage === 'off') return { text: 'off', failed: false };
  if (postgres !== null) {
    const server = externalServer(postgres);
    return reached(server.description, config, () => server.start());
  }
  const description = `embedded PostgreSQL in ${shownPath(dataDir)}`;
  const running = existsSync(dataDir) ? runningServer(prepareHome(dataDir)) : null;
  if (running === null) return { text: `${description}, started with the collector`, failed: false };
  return reached(`${description}, which runs`, config, async () => running);
}

/** Where an app with this environment stores: by fewer variables than a command. */
function appsStorage({ storage }: Config): string {
  if (storage === 'off') return 'off';
  return configuredServer(readConfig(undefined, undefined, { reader: 'app' }), () => {}).description;
}

async function reached(
  description: string,
  { schema }: Config,
  options: () => Promise<ClientConfig>,
): Promise<Finding> {
  let client: Client | null = null;
  try {
    client = new (clientOf(schema))({ ...(await options()), connectionTimeoutMillis: PROBE_TIMEOUT_MS });
    client.on('error', () => {}); // Told by the query that fails.
    await client.connect();
    const { applied, pending } = await schemaStatus(client);
    const text = `${description}: reachable, ${applied.length} migrations applied, ${pending.length} pending`;
    return { text, failed: false };
  } catch (error) {
    return { text: describeError(storageError(error, description)), failed: true };
  } finally {
    await client?.end().catch(() => {});
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause ?? error);
}
