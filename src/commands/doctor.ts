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

/** What one line of the report says. */
interface Finding {
  readonly text: string;
  /** `broken`: a collector with this configuration would not start, or would not store. */
  readonly state: 'fine' | 'doubtful' | 'broken';
}

type Line = readonly [name: string, finding: Finding];

/**
 * Prints the effective configuration with secrets masked, what is instrumented and what can be reached, and at the end again
 * what is wrong of it. The exit code is 1 when storage, the files of TLS or that of prices cannot be used.
 */
export async function doctor(): Promise<number> {
  const config = readConfig();
  const lines: Line[] = [
    ['nervecenter', fine(packageVersion())],
    ['node', fine(process.version)],
    ...Object.entries(effectiveSettings(config)).map(([name, value]): Line => [name, fine(value)]),
    ...unknownSettings().map(
      ({ name, meant }): Line => [
        name,
        doubtful(`unknown, has no effect${meant === null ? '' : `; did you mean ${meant}?`}`),
      ],
    ),
    ['instrumented', fine(`where an app has it: ${INSTRUMENTATIONS.map(({ name }) => name).join(', ')}`)],
    ['opentelemetry', fine(apiOwner(config, process.cwd()))],
    ['prices', pricesState(config)],
    ['tls', tlsState(config)],
    ['access', accessState(config)],
    ['collector', await collectorState(config)],
    ['otlp', fine(await otlpState(config))],
    ['storage', await storageState(config)],
    ['storage of apps', fine(appsStorage(config))],
  ];
  const wrong = lines.filter(([, { state }]) => state !== 'fine');
  const verdict = wrong.length === 0 ? 'Nothing is wrong.' : `To look at:\n${inColumns(wrong)}`;
  process.stdout.write(`${inColumns(lines)}\n\n${verdict}\n`);
  return lines.some(([, { state }]) => state === 'broken') ? 1 : 0;
}

function inColumns(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, { text }]) => `${name.padEnd(width)}  ${text}`).join('\n');
}

const fine = (text: string): Finding => ({ text, state: 'fine' });
const doubtful = (text: string): Finding => ({ text, state: 'doubtful' });
const broken = (text: string): Finding => ({ text, state: 'broken' });

function pricesState({ pricesPath }: Config): Finding {
  try {
    return fine(createPricer({ overridesPath: pricesPath, log: () => {} }).version);
  } catch (error) {
    return broken(describeError(error));
  }
}

function tlsState({ tls }: Config): Finding {
  if (tls === null) return fine('off');
  try {
    const files = readPemFiles(tls);
    const { certificate } = files;
    const trouble = validityTrouble(files, Date.now());
    return trouble === null
      ? fine(`${nameOf(certificate)}, valid to ${certificate.validTo}`)
      : doubtful(trouble);
  } catch (error) {
    return broken(describeError(error));
  }
}

/** Who gets in, and how long that lasts: a token that cannot be kept is nobody's, and another one after each start. */
function accessState({ adminTokens, dataDir }: Pick<Config, 'adminTokens' | 'dataDir'>): Finding {
  if (adminTokens.length > 0) return fine('by NERVECENTER_ADMIN_TOKEN');
  const shown = shownPath(dataDir);
  if (keptAdminToken(dataDir) !== null)
    return fine(`by the login link, and by the token in ${shown}/admin-token`);
  const trouble = troubleIn(dataDir);
  if (trouble === null)
    return fine(`by the login link, and by the token that the collector will keep in ${shown}/admin-token`);
  return doubtful(
    `by the login link alone, and anew after each start, because no token can be kept in ${shown} (${trouble}). Make that directory one that the collector may write to, or set NERVECENTER_ADMIN_TOKEN`,
  );
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

async function collectorState(config: Config): Promise<Finding> {
  const { host, port, tls } = config;
  if (port === 0) return fine('any free port, known once it runs');
  const url = `${browserUrl(host, port, schemeOf(config))}/api/metrics/health`;
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const response = await ask(url, { signal, trust: trustOf(tls?.cert ?? null) });
    const health = healthIn(await response.text());
    if (health === null) return doubtful('the port is taken by something else');
    return (health === 'healthy' ? fine : doubtful)(`running, ${health}`);
  } catch (error) {
    return fine(`not running (${reason(error)})`);
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
  if (storage === 'off') return fine('off');
  if (postgres !== null) {
    const server = externalServer(postgres);
    return reached(server.description, config, () => server.start());
  }
  const description = `embedded PostgreSQL in ${shownPath(dataDir)}`;
  const running = existsSync(dataDir) ? runningServer(prepareHome(dataDir)) : null;
  if (running === null) return fine(`${description}, started with the collector`);
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
    return fine(`${description}: reachable, ${applied.length} migrations applied, ${pending.length} pending`);
  } catch (error) {
    return broken(describeError(storageError(error, description)));
  } finally {
    await client?.end().catch(() => {});
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause ?? error);
}
