import type { MeterProvider } from '@opentelemetry/api';
import { dependenciesOf, installed, type Manifest, manifestsAbove } from '../../platform/installed.ts';
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
  const version = installed('@opentelemetry/api', appDirectory)?.version;
  if (version === undefined || !version.startsWith('1.')) return false;
  if (hasOwnMetricsSdk(appDirectory)) return false;
  const api = apiGlobalOf(version);
  if (api.metrics !== undefined) return false;
  api.metrics = provider;
  return true;
}

const SDK = '@opentelemetry/sdk-metrics';
/** Who has one of these among its dependencies brings a metrics SDK. */
const SDK_BRINGERS = [SDK, '@opentelemetry/sdk-node', '@opentelemetry/auto-instrumentations-node'];

/**
 * Whether the app exports metrics by an OpenTelemetry SDK of its own. One that is not where ours is is its own. But npm
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
