import { join } from 'node:path';
import type { Meter } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import { packageRoot } from '../platform/paths.ts';
import { ownAdminToken } from './admin-token.ts';
import type { AlertService } from './alerts/service.ts';
import type { Live } from './live/live.ts';
import type { Log } from './log.ts';
import { createCollectorServer, type ServerSources } from './server/server.ts';
import type { Ticker } from './ticker.ts';

interface ServingParts {
  readonly config: Config;
  readonly log: Log;
  readonly live: Live;
  readonly ticker: Ticker;
  readonly alerts: AlertService;
  /** What reads stored rows, where there are any. */
  readonly stored: Pick<ServerSources, 'history' | 'events'> | undefined;
  readonly meter: Meter;
  /** Brings what the collector itself measured. */
  readonly collectOwn: () => void;
}

/** Dashboard, API, stream and `/metrics`, and the tokens that open them. */
export function createServing({
  config,
  live,
  ticker,
  alerts,
  stored,
  meter,
  collectOwn,
  log,
}: ServingParts) {
  const tokens = config.adminTokens.length > 0 ? config.adminTokens : [ownAdminToken(config.dataDir)];
  const server = createCollectorServer({
    config,
    adminTokens: tokens,
    sources: {
      snapshot: () => live.snapshot(),
      latestSnapshotJson: () => ticker.latestJson(),
      health: () => live.health(),
      metricFamilies: () => {
        collectOwn();
        return live.metricFamilies();
      },
      alerts,
      ...stored,
    },
    meter,
    assetsDir: join(packageRoot(), 'dist', 'dashboard'),
    log,
  });
  return { server, tokens };
}
