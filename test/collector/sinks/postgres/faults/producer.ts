import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import {
  createStorage,
  type Storage,
  type StorageOptions,
} from '../../../../../src/collector/sinks/postgres/storage.ts';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, type TestPostgres } from '../../../../support/postgres.ts';
import { requestEvents } from '../events.ts';

const PATIENCE_MS = 60_000;

export interface ProducerOptions extends Partial<Omit<StorageOptions, 'config' | 'log'>> {
  /** `null`: the embedded server of the data directory. */
  readonly database: PostgresConfig | null;
  readonly dataDir?: string;
  readonly spoolMaxBytes?: number;
}

/** A storage under load that remembers what it was given and checks the counts at every turn. */
export class Producer {
  readonly storage: Storage;
  readonly lines: string[] = [];
  readonly produced: string[] = [];
  readonly dataDir: string;
  acknowledged = 0;

  constructor({
    database,
    dataDir = reachableTempDir(),
    spoolMaxBytes = 64 * MIB,
    ...rest
  }: ProducerOptions) {
    this.dataDir = dataDir;
    this.storage = createStorage({
      ...unseen(),
      config: { postgres: database, dataDir, spoolMaxBytes },
      log: (component, message) => this.lines.push(`${component}: ${message}`),
      ...rest,
    });
  }

  produce(count: number): void {
    const events = requestEvents(count);
    this.produced.push(...events.map(({ id }) => id));
    void this.storage.offer(events).then(() => {
      this.acknowledged += count;
      this.check();
    });
    this.check();
  }

  /** accepted = stored + queued + in flight + dropped. */
  check(): void {
    const { accepted, stored, queued, inFlight } = this.storage.counts();
    assert.equal(stored + queued + inFlight + this.dropped, accepted);
    assert.ok(Math.min(stored, queued, inFlight) >= 0);
  }

  get dropped(): number {
    return Object.values(this.storage.counts().dropped).reduce((sum, count) => sum + count, 0);
  }

  /** Until nothing waits, without the storage's own patience between two attempts. */
  async settled(): Promise<void> {
    await until(
      async () => {
        this.check();
        return await this.storage.flush(50).then(() => this.waiting === 0);
      },
      { timeoutMs: PATIENCE_MS },
    );
    this.check();
  }

  get waiting(): number {
    const { queued, inFlight } = this.storage.counts();
    return queued + inFlight;
  }

  async close(): Promise<void> {
    await this.storage.shutdown(2000);
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** What was produced is in the table or counted as dropped, and nothing is there twice. */
export async function assertConserved(
  server: TestPostgres,
  database: PostgresConfig,
  ...producers: readonly Producer[]
): Promise<void> {
  const rows = await server.using(database, async (client) => {
    const result = await client.query<{ id: string }>('SELECT id FROM enterprise.request_metrics');
    return result.rows.map(({ id }) => id);
  });
  const produced = new Set(producers.flatMap((producer) => producer.produced));
  assert.equal(new Set(rows).size, rows.length, 'no row twice');
  assert.ok(
    rows.every((id) => produced.has(id)),
    'no row that nobody produced',
  );
  const dropped = producers.reduce((sum, producer) => sum + producer.dropped, 0);
  assert.equal(rows.length + dropped, produced.size, 'produced = stored + dropped');
}
