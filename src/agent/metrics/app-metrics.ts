import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { MeterProvider } from '@opentelemetry/api';
import { apiGlobalOf } from '../context/app-trace.ts';

/**
 * Lets metrics that the app records through its own copy of `@opentelemetry/api` reach us.
 *
 * The API refuses any later registration by a copy of another version, so registering under our own version would keep an
 * app's tracing SDK from starting. The app's installed version is used instead; an app without the API records nothing,
 * and an app with a metrics SDK of its own brings its own provider, whose place is not ours to take.
 *
 * @returns whether the app's metrics come to us.
 */
export function receiveAppMetrics(provider: MeterProvider, appDirectory: string): boolean {
  const require = createRequire(join(appDirectory, 'noop.js'));
  const version = installedVersion(require, '@opentelemetry/api');
  if (version === null || !version.startsWith('1.')) return false;
  if (installedVersion(require, '@opentelemetry/sdk-metrics') !== null) return false;
  const api = apiGlobalOf(version);
  if (api.metrics !== undefined) return false;
  api.metrics = provider;
  return true;
}

/** Read from the manifest itself: a package's `exports` may hide it from `require`, as those of the API 1.10 do. */
function installedVersion(require: NodeJS.Require, name: string): string | null {
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(join(directory, name, 'package.json'), 'utf8')) as {
        version?: unknown;
      };
      if (typeof version === 'string') return version;
    } catch {
      // Not in this directory: look further up.
    }
  }
  return null;
}
