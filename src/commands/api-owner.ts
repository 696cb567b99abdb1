import { createRequire } from 'node:module';
import { apiGlobal, OWN_SDK } from '../agent/context/app-trace.ts';
import type { Config } from '../config/config.ts';
import { sendsSpans } from '../config/otlp/target.ts';
import { dependenciesOf, installed, manifestsAbove, packageOf } from '../platform/installed.ts';

const API = '@opentelemetry/api';
const SDK = '@opentelemetry/sdk-node';
/** Packages of which an app has one in order to register an SDK. */
const BRINGERS: ReadonlySet<string> = new Set([
  SDK,
  '@opentelemetry/auto-instrumentations-node',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/sdk-trace-node',
  'dd-trace',
]);
const BRINGING_SCOPE = '@sentry/';

interface Provider {
  getDelegate?(): object;
  readonly resource?: SdkResource;
  readonly _resource?: SdkResource;
}

interface SdkResource {
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * Who owns OpenTelemetry's global API. What is registered is known of this process only, so of an SDK that is loaded with it
 * (`NODE_OPTIONS=--require …`); of the app there is what its manifest says.
 */
export function apiOwner(config: Pick<Config, 'otlpTargets'>, appDirectory: string): string {
  const registered = apiGlobal() as { readonly version: string; readonly trace?: Provider } | undefined;
  const { trace } = registered ?? {};
  if (registered === undefined || trace === undefined) return nobody(config, appDirectory);
  const by = OWN_SDK in trace ? ourSdk() : describedProvider(trace.getDelegate?.() ?? trace);
  return `${by}, registered with ${API} ${registered.version}`;
}

function ourSdk(): string {
  return `nervecenter by ${named(SDK, import.meta.dirname)}`;
}

/** Its class, and the package that this comes from; of one loaded as an ES module only what its resource says. */
function describedProvider(provider: Provider): string {
  const made = provider.constructor;
  const file = fileOf(made);
  const found = file === null ? null : packageOf(file);
  if (found !== null) return `${made.name} of ${String(found.manifest.name)} ${found.version}`;
  const { attributes = {} } = provider.resource ?? provider._resource ?? {};
  const [name, version] = [attributes['telemetry.sdk.name'], attributes['telemetry.sdk.version']];
  return version === undefined ? made.name : `${made.name} of the SDK ${String(name)} ${String(version)}`;
}

/** The CommonJS module that exports something; of several the one that was loaded last, which the others had it from. */
function fileOf(thing: unknown): string | null {
  const modules = Object.values(createRequire(import.meta.url).cache).filter(
    (module) => module !== undefined,
  );
  const found = modules.findLast(({ exports }) => exports === thing || isAmong(exports, thing));
  return found?.filename ?? null;
}

function isAmong(exports: unknown, thing: unknown): boolean {
  if (typeof exports !== 'object' || exports === null) return false;
  return Object.values(Object.getOwnPropertyDescriptors(exports)).some(({ value }) => value === thing);
}

function nobody(config: Pick<Config, 'otlpTargets'>, appDirectory: string): string {
  const api = installed(API, appDirectory);
  const there = api === null ? `${API} is not installed` : `${API} ${api.version} is installed`;
  const brought = bringers(appDirectory);
  if (brought.length > 0) return `nobody here; ${there}, and the app has ${brought.join(', ')}`;
  const ours = sendsSpans(config.otlpTargets)
    ? `in the app it will be ${ourSdk()}, unless the app registers one`
    : 'nervecenter registers nothing for spans where none are sent';
  return `nobody here; ${there}; ${ours}`;
}

function bringers(appDirectory: string): string[] {
  const asked = new Set(manifestsAbove(appDirectory).filter(isApp).flatMap(dependenciesOf));
  return [...asked]
    .filter((name) => BRINGERS.has(name) || name.startsWith(BRINGING_SCOPE))
    .map((name) => named(name, appDirectory));
}

function isApp({ name }: { readonly name?: unknown }): boolean {
  return name !== 'nervecenter'; // Our own checkout.
}

function named(name: string, from: string): string {
  return `${name} ${installed(name, from)?.version ?? '(not installed)'}`;
}
