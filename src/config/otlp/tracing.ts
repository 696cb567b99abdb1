import type { FileSdk } from '../file/sdk-parts.ts';
import { printable, type SettingReader } from '../setting-reader.ts';
import { samplerOf } from './sampler.ts';
import { OTLP_SETTINGS } from './settings.ts';

/** How an app that sends spans samples and names its traces, as the app's SDK has it. */
export interface Tracing {
  /** One that is known (`sampler.ts`). */
  readonly sampler: string;
  /** Of the samplers by ratio, 0 to 1. */
  readonly samplerRatio: number;
  /** As they are named, known or not; empty: none. */
  readonly propagators: readonly string[];
  /** What was asked for and cannot be had, for the agent to say: other programs' SDKs read the variables as well. */
  readonly unknown: readonly string[];
  /** What a configuration file says besides; `null`: there is none, and the SDK reads its variables. */
  readonly file: FileSdk | null;
}

const NONE = 'none';
const PROPAGATORS = ['tracecontext', 'baggage', 'b3', 'b3multi'];

/** What the standard variables say; what the SDK does not know it takes the default of, and so does this. */
export function readTracing(setting: SettingReader, file: FileSdk | null): Tracing {
  const { OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, OTEL_PROPAGATORS } = OTLP_SETTINGS;
  const unknown: string[] = [];
  const sampler = setting.text('OTEL_TRACES_SAMPLER') ?? OTEL_TRACES_SAMPLER.default;
  const isKnown = samplerOf(sampler, 1) !== null;
  if (!isKnown) unknown.push(`OTEL_TRACES_SAMPLER=${printable(sampler)}`);
  const share = setting.text('OTEL_TRACES_SAMPLER_ARG') ?? OTEL_TRACES_SAMPLER_ARG.default;
  const ratio = Number(share);
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio && sampler.endsWith('traceidratio'))
    unknown.push(`OTEL_TRACES_SAMPLER_ARG=${printable(share)}`);
  const named = setting.text('OTEL_PROPAGATORS')?.split(',') ?? OTEL_PROPAGATORS.default.split(',');
  const propagators = [...new Set(named.map((name) => name.trim()).filter((name) => name !== ''))];
  const strange = propagators.filter((name) => name !== NONE && !PROPAGATORS.includes(name));
  if (strange.length > 0) unknown.push(`OTEL_PROPAGATORS=${printable(strange.join(','))}`);
  return {
    sampler: isKnown ? sampler : OTEL_TRACES_SAMPLER.default,
    samplerRatio: isRatio ? ratio : Number(OTEL_TRACES_SAMPLER_ARG.default),
    propagators: propagators.includes(NONE) ? [] : propagators,
    unknown,
    file,
  };
}
