import { schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { applyRetention, formatMib, pruneLedger } from '../collector/sinks/postgres/schema/retention.ts';
import { NervecenterError } from '../core/errors.ts';
import { milliseconds } from '../core/units.ts';
import { withDatabase } from './with-database.ts';

/** Does once what a collector does every hour: for a collector whose role may write rows and no more. */
export function prune(): Promise<number> {
  return withDatabase(async ({ client, config, description }) => {
    const { pending } = await schemaStatus(client);
    if (pending.length > 0) {
      throw new NervecenterError(
        'NC_STORAGE_REFUSED',
        `${description} lacks ${pending.length} migrations. Run \`nervecenter migrate\` first.`,
      );
    }
    const nowMs = milliseconds(Date.now());
    const batches = await pruneLedger(client, nowMs);
    const { made, expired, evicted, spans, strayRows, bytes } = await applyRetention(client, config, nowMs);
    const lines = [
      ...made.map((name) => `made ${name}`),
      ...expired.map((one) => `dropped ${one.name}: past its retention, ${formatMib(one.bytes)}`),
      ...evicted.map((one) => `dropped ${one.name}: over the storage limit, ${formatMib(one.bytes)}`),
      ...(spans.bytes > 0
        ? [`dropped ${spans.rows} spans: over NERVECENTER_SPANS_MAX_BYTES, ${formatMib(spans.bytes)}`]
        : []),
      ...(strayRows > 0
        ? [`removed ${strayRows} rows past their retention from the default partitions`]
        : []),
      ...(batches > 0 ? [`forgot ${batches} old batches`] : []),
      `${description}: ${formatMib(bytes)} kept`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}
