import { writeSync } from 'node:fs';
import type { PostgresConfig } from '../../../src/config/config.ts';
import { until } from '../../support/poll.ts';
import { FedCollector } from './fed-collector.ts';
import { traffic } from './traffic.ts';

/** A collector under traffic that says its snapshot, then goes on until it is told or made to end. */
const [database = '', dataDir = '', otlpEndpoint = ''] = process.argv.slice(2);
const fed = await FedCollector.start(JSON.parse(database) as PostgresConfig, dataDir, {
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
});
process.once('SIGTERM', () => {
  void fed.collector.shutdown(5000).then(() => process.exit(0));
});
await fed.feed(traffic());
await until(() => fed.accepted);
writeSync(1, JSON.stringify(await fed.snapshot()));
