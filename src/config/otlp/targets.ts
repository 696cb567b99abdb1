import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigFile } from '../file/config-file.ts';
import type { SettingReader } from '../setting-reader.ts';
import { otlpEndpoints } from './endpoints.ts';
import { type OtlpTarget, STANDARD_TARGET } from './target.ts';
import { parseTargets } from './targets-file.ts';

/**
 * Where to send: what the standard variables say, or the configuration file in their place, and what the file does that
 * `NERVECENTER_OTLP_TARGETS` names.
 *
 * What cannot be used is told among the problems of `setting`.
 */
export function readOtlpTargets(
  setting: SettingReader,
  cwd: string,
  configFile: Pick<ConfigFile, 'targets'> | null,
): OtlpTarget[] {
  const nervecenter = setting.choice('NERVECENTER_OTLP_EVENTS') === 'on';
  const [standard, ...others] = configFile?.targets ?? standardTargets(setting, cwd);
  const targets = [
    ...(standard === undefined ? [] : [{ ...standard, nervecenter }]),
    ...others,
    ...fileTargets(setting, cwd, intervalOf(setting)),
  ];
  const names = targets.map(({ name }) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    setting.problems.push(
      `NERVECENTER_OTLP_TARGETS: expected a name of its own for every target (${STANDARD_TARGET} is that of OTEL_EXPORTER_OTLP_ENDPOINT, and of OTEL_CONFIG_FILE with ${STANDARD_TARGET}-2 and so on), got "${twice}" twice. Correct it or unset it.`,
    );
  }
  return targets;
}

/** One, or none. */
function standardTargets(setting: SettingReader, cwd: string): OtlpTarget[] {
  const temporality = setting.choice('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE');
  const histograms = setting.choice('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION');
  const metricsIntervalMs = intervalOf(setting);
  const endpoints = otlpEndpoints(setting, cwd);
  if (Object.keys(endpoints).length === 0) return [];
  const shared = { name: STANDARD_TARGET, nervecenter: false, services: null };
  return [{ ...shared, endpoints, temporality, histograms, metricsIntervalMs }];
}

function intervalOf(setting: SettingReader): number {
  return setting.integer('OTEL_METRIC_EXPORT_INTERVAL');
}

function fileTargets(setting: SettingReader, cwd: string, metricsIntervalMs: number): OtlpTarget[] {
  const given = setting.text('NERVECENTER_OTLP_TARGETS');
  if (given === null) return [];
  const path = resolve(cwd, given);
  try {
    return parseTargets(readFileSync(path, 'utf8'), { path, metricsIntervalMs });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) {
      setting.problems.push(
        `NERVECENTER_OTLP_TARGETS: in ${given}, ${(error as Error).message} Correct it or unset it.`,
      );
    } else setting.refuse('NERVECENTER_OTLP_TARGETS', `${given} (${code})`);
    return [];
  }
}
