import { join } from 'node:path';
import type { Meter } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import { AccessRegister } from '../core/access/register.ts';
import type { EndedSessionStore, TokenStore } from '../core/access/store.ts';
import type { Attributes } from '../core/frame.ts';
import { packageRoot } from '../platform/paths.ts';
import { AccessFiles } from './access/access-files.ts';
import { keepAccess } from './access/keep-access.ts';
import type { AlertService } from './alerts/service.ts';
import { ownAdminToken } from './kept-secrets.ts';
import type { Live } from './live/live.ts';
import type { Log } from './log.ts';
import type { MetricFamily } from './metric-family.ts';
import { withOlderFamilies } from './prometheus/older-families.ts';
import { targetInfo } from './prometheus/target-info.ts';
import { createCollectorServer, type ServerSources } from './server/server.ts';
import type { Ticker } from './ticker.ts';
import type { TlsIdentity } from './tls/identity.ts';

interface ServingParts {
  readonly config: Config;
  readonly log: Log;
  readonly live: Live;
  readonly resource: Attributes;
  readonly ticker: Ticker;
  readonly alerts: AlertService;
  /** What reads stored rows, where there are any. */
  readonly stored: Pick<ServerSources, 'history' | 'events' | 'trace'> | undefined;
  /** Where a Postgres that others may share as well keeps tokens and ended sessions; `null`: the data directory does. */
  readonly shared: (TokenStore & EndedSessionStore) | null;
  readonly meter: Meter;
  /** `null`: no TLS. */
  readonly tls: TlsIdentity | null;
  /** Brings what the collector itself measured. */
  readonly collectOwn: () => void;
}

/** Dashboard, API, stream and `/metrics`, and who may use them. */
export function createServing({
  config,
  live,
  resource,
  ticker,
  alerts,
  stored,
  shared,
  meter,
  tls,
  collectOwn,
  log,
}: ServingParts) {
  const register = new AccessRegister();
  const files = new AccessFiles(config.dataDir);
  const keeping = keepAccess({ register, files, shared, now: () => Date.now(), log });
  const server = createCollectorServer({
    config,
    adminTokens: config.adminTokens.length > 0 ? config.adminTokens : [ownAdminToken(config.dataDir)],
    register,
    sources: {
      snapshot: (filter) => live.snapshot(filter),
      latestSnapshotJson: (filter) => ticker.latestJson(filter),
      health: () => live.health(),
      metricFamilies: () => {
        collectOwn();
        return families(config, resource, live);
      },
      alerts,
      ...stored,
    },
    meter,
    assetsDir: join(packageRoot(), 'dist', 'dashboard'),
    tls,
    log,
  });
  return { server, stopKeeping: () => keeping.stop() };
}

/** What is at `/metrics`: who it is of in front, as OpenMetrics would have it. */
function* families(config: Config, resource: Attributes, live: Live): Iterable<MetricFamily> {
  yield targetInfo(resource, live.sources());
  const all = live.metricFamilies();
  yield* config.semconv === 'dup' ? withOlderFamilies(all) : all;
}
