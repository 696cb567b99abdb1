import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { createPricer, type Pricer } from '../../../../src/collector/pricing/pricer.ts';
import { type RepriceOptions, reprice } from '../../../../src/collector/sinks/postgres/reprice.ts';
import { createStorage } from '../../../../src/collector/sinks/postgres/storage.ts';
import type { PostgresConfig } from '../../../../src/config/config.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../../src/core/signals/llm-call.ts';
import { HOUR_MS, MIB, MINUTE_MS, milliseconds } from '../../../../src/core/units.ts';
import { newEventId } from '../../../../src/platform/ids.ts';
import { unseen } from '../../../support/measuring.ts';
import { reachableTempDir, type TestPostgres } from '../../../support/postgres.ts';

export const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
export const ALL = { fromMs: NOW - 48 * HOUR_MS, toMs: NOW + HOUR_MS };

export const pricerWith = (overridesPath: string | null): Pricer =>
  createPricer({ overridesPath, log: () => {} });
/** The bundled prices. */
export const today = pricerWith(null);

/** Prices of one's own, in a file in this folder. */
export function pricerOf(folder: string, prices: object): Pricer {
  const path = join(folder, `${newEventId(milliseconds(NOW))}.json`);
  writeFileSync(path, JSON.stringify(prices));
  return pricerWith(path);
}

export const DEARER = { 'gpt-4o': { input: 100, output: 1000 } };

export function call(fields: Partial<LlmCallEvent> = {}): LlmCallEvent {
  const timeMs = milliseconds(fields.timeMs ?? NOW - HOUR_MS);
  return {
    signal: 'llm-call',
    ...NO_CALL_DETAILS,
    id: newEventId(timeMs),
    timeMs,
    traceId: null,
    userEmail: null,
    department: null,
    provider: 'openai',
    serverAddress: 'api.openai.com',
    operation: 'chat',
    model: 'gpt-4o',
    responseModel: null,
    streaming: false,
    usage: tokenUsage({ inputUncached: 1000, outputText: 100 }),
    usageSource: 'provider',
    durationMs: milliseconds(1),
    firstTokenMs: null,
    outcome: 'ok',
    errorType: null,
    queryCategory: null,
    reportedCostUsd: null,
    ...fields,
  };
}

/** Stores calls as a collector does, with their price of today. */
export async function databaseWith(
  server: TestPostgres,
  events: readonly LlmCallEvent[],
): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  const dataDir = reachableTempDir();
  const storage = createStorage({
    ...unseen(),
    config: { postgres: database, dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  try {
    await storage.start();
    await storage.offer(events.map((event) => ({ ...event, cost: today.price(event) })));
    assert.equal(await storage.flush(20_000), true);
    assert.deepEqual(storage.counts().dropped, {});
  } finally {
    await storage.shutdown(5000);
    rmSync(dataDir, { recursive: true, force: true });
  }
  await server.using(database, (client) => client.query('TRUNCATE enterprise.nervecenter_rollup_pending'));
  return database;
}
export function repriceWith(
  client: ClientBase,
  options: Partial<RepriceOptions> & { readonly pricer?: Pricer } = {},
) {
  const { pricer = today, ...others } = options;
  return reprice(client, {
    ...ALL,
    dryRun: false,
    price: (stored) => pricer.price(stored),
    stopped: () => false,
    ...others,
  });
}
