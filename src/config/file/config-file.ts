import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import type * as Configuration from '@opentelemetry/configuration';
import type * as Yaml from 'yaml';
import type { Attributes } from '../../core/frame.ts';
import { MIB } from '../../core/units.ts';
import type { OtlpTarget } from '../otlp/target.ts';
import { type Env, printable, SettingReader } from '../setting-reader.ts';
import { expectationOf } from '../settings.ts';
import { readExporters } from './exporters.ts';
import { FilePart } from './file-part.ts';
import { attributesIn, type FileSdk, propagatorNames, readSdk, samplerVariables } from './sdk-parts.ts';

/** What became of a file, for an operator to know. */
export interface ConfigFileOutcome {
  /** As the operator names it. */
  readonly path: string;
  /** Names of what it sends to. */
  readonly targetNames: readonly string[];
  /** Paths of what is in it and has no effect here. */
  readonly notInEffect: readonly string[];
  /** Why nothing of it could be taken, `null` where it could: what was expected, what came, what to do. */
  readonly problem: string | null;
}

/** What a file of OpenTelemetry's declarative configuration says. */
export interface ConfigFile extends Omit<ConfigFileOutcome, 'targetNames'> {
  /** The standard variables that say the same of what we have variables for. */
  readonly variables: Env;
  readonly resourceAttributes: Attributes;
  readonly targets: readonly OtlpTarget[];
  readonly sdk: FileSdk;
}

type Content = Omit<ConfigFile, 'path' | 'problem'>;

const NAME = 'OTEL_CONFIG_FILE';
const STANDARD_PREFIX = 'OTEL_';
/** A hundred times the longest example there is. */
const FILE_BYTES_MAX = MIB;
const DETAIL_CHARS_MAX = 300;
/** As many as fit into a line that somebody reads. */
const SHOWN_MAX = 20;
const NOTHING: Content = {
  variables: {},
  resourceAttributes: {},
  targets: [],
  sdk: { spanLimits: {}, detectors: [], logLevel: null },
  notInEffect: [],
};

/** The file that `OTEL_CONFIG_FILE` names, `null` where it names none. Never throws. */
export function readConfigFile(env: Env, cwd: string): ConfigFile | null {
  const path = new SettingReader(env).text(NAME);
  if (path === null) return null;
  try {
    return { path, ...contentOf(resolve(cwd, path), env), problem: null };
  } catch (error) {
    return { path, ...NOTHING, problem: problemOf(path, error as Error) };
  }
}

/** The environment with what the file says in the place of all standard variables: by the specification it says everything. */
export function withConfigFile(env: Env, { variables }: ConfigFile): Env {
  const others = Object.entries(env).filter(([name]) => !name.startsWith(STANDARD_PREFIX));
  return { ...Object.fromEntries(others), ...variables };
}

export function outcomeOf({ path, targets, notInEffect, problem }: ConfigFile): ConfigFileOutcome {
  return { path, targetNames: targets.map(({ name }) => name), notInEffect, problem };
}

/** What an operator should know of the file, in a line; `null` where all of it is in effect. */
export function configFileNotice({ path, notInEffect, problem }: ConfigFileOutcome): string | null {
  if (problem !== null) return `${problem} Nothing is sent until then.`;
  if (notInEffect.length === 0) return null;
  return `${NAME}: in ${printable(path)}, this version has nothing for ${shownParts(notInEffect)}; the rest is in effect.`;
}

export function shownParts(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN_MAX).map(printable).join(', ');
  return paths.length > SHOWN_MAX ? `${shown} and ${paths.length - SHOWN_MAX} more` : shown;
}

function contentOf(path: string, env: Env): Content {
  const file = FilePart.root(parsed(path));
  const { targets, prometheus } = readExporters(file, dirname(path));
  const resourceAttributes = attributesIn(file);
  const sdk = readSdk(file);
  const service =
    resourceAttributes['service.name'] ??
    (sdk.detectors.includes('service') ? env['OTEL_SERVICE_NAME'] : null);
  const variables = {
    ...(file.flag('disabled') && { OTEL_SDK_DISABLED: 'true' }),
    ...(service != null && { OTEL_SERVICE_NAME: String(service) }),
    OTEL_PROPAGATORS: propagatorNames(file),
    ...samplerVariables(file),
    ...(prometheus !== null && { OTEL_METRICS_EXPORTER: 'prometheus' }),
    ...(prometheus?.host != null && { OTEL_EXPORTER_PROMETHEUS_HOST: prometheus.host }),
    ...(prometheus?.port != null && { OTEL_EXPORTER_PROMETHEUS_PORT: String(prometheus.port) }),
  };
  return { variables, resourceAttributes, targets, sdk, notInEffect: file.notInEffect() };
}

/**
 * The file by OpenTelemetry's own parser, which puts in variables of this process and judges it by the schema. It reads what
 * is no YAML as far as it can, so that is found out first. Both are loaded only now: few apps have such a file.
 */
function parsed(path: string): Readonly<Record<string, unknown>> {
  const stats = statSync(path);
  if (!stats.isFile() || stats.size > FILE_BYTES_MAX)
    throw new Error(`expected a file of at most ${FILE_BYTES_MAX} bytes, got something else`);
  const require = createRequire(import.meta.url);
  const { parseDocument, LineCounter } = require('yaml') as typeof Yaml;
  const { parseConfigFile } = require('@opentelemetry/configuration') as typeof Configuration;
  const lines = new LineCounter();
  const [mistake] = parseDocument(readFileSync(path, 'utf8'), {
    lineCounter: lines,
    // It would quote the file, which may hold keys.
    prettyErrors: false,
  }).errors;
  if (mistake !== undefined) {
    const { line } = lines.linePos(mistake.pos[0]);
    throw new Error(`expected YAML, got a mistake in line ${line} (${mistake.code})`);
  }
  try {
    return { ...parseConfigFile(path) };
  } catch (error) {
    const why = (error as Error).message
      .replace(/^Invalid OpenTelemetry config file: /, '')
      .replace(`${path}: `, '');
    throw new Error(`expected what OpenTelemetry's schema 1.0 or 1.1 allows, got what it refuses: ${why}`);
  }
}

function problemOf(path: string, { message, code }: NodeJS.ErrnoException): string {
  if (code !== undefined) {
    const came = printable(`${path} (${code})`);
    return `${NAME}: expected ${expectationOf(NAME)}, got "${came}". Correct it or unset it.`;
  }
  const detail = message.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').replace(/[.:^ ]+$/, '');
  return `${NAME}: in ${printable(path)}, ${detail.slice(0, DETAIL_CHARS_MAX)}. Correct it or unset it.`;
}
