import { Client } from 'pg';
import { INSTRUMENTATIONS } from '../agent/instrumentation/index.ts';
import { storageError } from '../collector/postgres/failure.ts';
import { schemaStatus } from '../collector/postgres/migrate.ts';
import { externalServer } from '../collector/postgres/server.ts';
import { type Config, effectiveSettings, readConfig } from '../config.ts';
import type { HealthStatus } from '../core/snapshot.ts';
import { describeError } from '../errors.ts';
import { packageVersion } from '../version.ts';

const PROBE_TIMEOUT_MS = 3000;
const HEALTH_STATUSES: readonly HealthStatus[] = ['healthy', 'degraded', 'critical'];

/** Prints the effective configuration with secrets masked, what is instrumented and what can be reached. */
export async function doctor(): Promise<number> {
  const config = readConfig();
  const lines: [string, string][] = [
    ['nervecenter', packageVersion()],
    ['node', process.version],
    ...Object.entries(effectiveSettings(config)),
    ['instrumented', INSTRUMENTATIONS.map(({ name }) => name).join(', ')],
    ['collector', await collectorState(config)],
    ['storage', await storageState(config)],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
  return 0;
}

async function collectorState({ host, port }: Config): Promise<string> {
  if (port === 0) return 'any free port, known once it runs';
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/api/metrics/health`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    const status = statusIn(await response.text());
    return status === null ? 'the port is taken by something else' : `running, ${status}`;
  } catch (error) {
    return `not running (${reason(error)})`;
  }
}

/** The verdict in a health answer, `null` when the text is none. */
function statusIn(text: string): string | null {
  try {
    const { status } = JSON.parse(text) as { readonly status?: unknown };
    return HEALTH_STATUSES.find((known) => known === status) ?? null;
  } catch {
    return null; // Not JSON, so not ours.
  }
}

async function storageState({ storage, postgres, dataDir }: Config): Promise<string> {
  if (storage === 'off') return 'off';
  if (postgres === null) return `embedded PostgreSQL in ${dataDir}, started with the collector`;
  const server = externalServer(postgres);
  let client: Client | null = null;
  try {
    client = new Client({ ...(await server.start()), connectionTimeoutMillis: PROBE_TIMEOUT_MS });
    client.on('error', () => {}); // Told by the query that fails.
    await client.connect();
    const { applied, pending } = await schemaStatus(client);
    return `${server.description}: reachable, ${applied.length} migrations applied, ${pending.length} pending`;
  } catch (error) {
    return describeError(storageError(error, server.description));
  } finally {
    await client?.end().catch(() => {});
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause ?? error);
}
