import type { MeterProvider } from '@opentelemetry/api';
import { dependenciesOf, installed, type Manifest, manifestsAbove } from '../../platform/installed.ts';
import { apiGlobal } from '../context/app-trace.ts';
import { SharedApi, type Slot } from '../sdk/shared-api.ts';

/**
 * Lets metrics that the app records through its own copy of `@opentelemetry/api` reach us, for as long as it registers no
 * provider of its own. Whether it has an SDK for metrics installed says nothing: every SDK for traces brings one.
 *
 * @returns stops that; `null` where the app has no such API, or has registered a provider already.
 */
export function receiveAppMetrics(provider: MeterProvider, appDirectory: string): (() => void) | null {
  const registered = apiGlobal();
  const version = apiVersionOf(appDirectory);
  if (version === null || registered?.metrics !== undefined) return null;
  const onTaken = (slot: Slot) => {
    // Nothing of ours is left in it then, and the app's own is as without us.
    if (slot === 'metrics') shared.remove();
  };
  const shared = new SharedApi({ version, onTaken }, registered, { metrics: provider });
  return () => shared.remove();
}

/** The version of the API that the app's code gets; `null` without one that we know. */
export function apiVersionOf(appDirectory: string): string | null {
  const version = installed('@opentelemetry/api', appDirectory)?.version;
  return version?.startsWith('1.') ? version : null;
}

const SDK = '@opentelemetry/sdk-metrics';
/** Who has one of these among its dependencies brings a metrics SDK. */
const SDK_BRINGERS = [SDK, '@opentelemetry/sdk-node', '@opentelemetry/auto-instrumentations-node'];

/**
 * Whether the app may export metrics by an OpenTelemetry SDK of its own. One that is not where ours is is its own. But npm
 * puts ours where the app finds it as well; then it is the app's if the app, or a package it asks for, asks for it.
 */
export function hasOwnMetricsSdk(appDirectory: string): boolean {
  const found = installed(SDK, appDirectory);
  if (found === null) return false;
  if (found.directory !== installed(SDK, import.meta.dirname)?.directory) return true;
  return manifestsAbove(appDirectory)
    .filter(({ name }) => name !== OUR_NAME) // An example of ours, in our checkout.
    .some(
      (app) =>
        bringsSdk(app) || dependenciesOf(app).some((name) => bringsSdk(manifestOf(name, appDirectory))),
    );
}

const OUR_NAME = 'nervecenter';

function bringsSdk(manifest: Manifest): boolean {
  return dependenciesOf(manifest).some((name) => SDK_BRINGERS.includes(name));
}

/** What a package needs only for its own development is not there where it is installed. */
function manifestOf(name: string, from: string): Manifest {
  const { devDependencies: _absent, ...manifest } = installed(name, from)?.manifest ?? {};
  return name === OUR_NAME ? {} : manifest;
}
