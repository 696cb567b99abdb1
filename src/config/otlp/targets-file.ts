import { dirname, resolve } from 'node:path';
import { parseJson } from '../../core/json.ts';
import { printable } from '../setting-reader.ts';
import { header, isEndpoint, TIMEOUT_MS_DEFAULT, urlOfSignal } from './endpoints.ts';
import {
  COMPRESSIONS,
  HISTOGRAM_KINDS,
  OTLP_SIGNALS,
  type OtlpEndpoint,
  type OtlpSignal,
  type OtlpTarget,
  PROTOCOLS,
  TEMPORALITIES,
} from './target.ts';

interface FileOptions {
  /** Where the file is: paths in it start from there. */
  readonly path: string;
  readonly metricsIntervalMs: number;
}

const TARGETS_MAX = 16;
const NAME = /^[a-z\d][\w.-]{0,63}$/i;
const MILLISECONDS_MAX = 999_999_999;
const FIELDS: readonly string[] = [
  'name',
  'endpoint',
  'protocol',
  'headers',
  'compression',
  'timeoutMs',
  'signals',
  'services',
  'nervecenter',
  'temporality',
  'histograms',
  'metricsIntervalMs',
  'certificate',
  'clientKey',
  'clientCertificate',
];

/**
 * The targets of a file: a JSON list of them.
 *
 * @throws Error that says which target, what was expected there and what came.
 */
export function parseTargets(json: string, options: FileOptions): OtlpTarget[] {
  const list = parsed(json);
  if (!Array.isArray(list) || list.length > TARGETS_MAX)
    throw new Error(`expected a list of at most ${TARGETS_MAX} targets, got ${shown(list)}.`);
  return list.map((target, index) => targetOf(new Fields(target, `target ${index + 1}`), options));
}

function parsed(json: string): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    throw new Error(`expected JSON, got what ends in: ${(error as Error).message}.`);
  }
}

function targetOf(fields: Fields, { path, metricsIntervalMs }: FileOptions): OtlpTarget {
  const name = fields.text('name', 'letters, digits, ".", "_" and "-"', (text) => NAME.test(text));
  const signals = fields.list('signals', OTLP_SIGNALS) ?? OTLP_SIGNALS;
  return {
    name,
    endpoints: endpointsOf(fields, signals, dirname(path)),
    nervecenter: fields.flag('nervecenter'),
    services: fields.list('services'),
    temporality: fields.choice('temporality', TEMPORALITIES),
    histograms: fields.choice('histograms', HISTOGRAM_KINDS),
    metricsIntervalMs: fields.milliseconds('metricsIntervalMs', metricsIntervalMs),
  };
}

function endpointsOf(
  fields: Fields,
  signals: readonly OtlpSignal[],
  directory: string,
): Partial<Record<OtlpSignal, OtlpEndpoint>> {
  const base = fields.text('endpoint', 'a URL such as http://localhost:4318', isEndpoint);
  const protocol = fields.choice('protocol', PROTOCOLS);
  const shared = {
    protocol,
    compression: fields.choice('compression', COMPRESSIONS),
    headers: fields.headers('headers'),
    timeoutMs: fields.milliseconds('timeoutMs', TIMEOUT_MS_DEFAULT),
    certificate: fields.path('certificate', directory),
    clientKey: fields.path('clientKey', directory),
    clientCertificate: fields.path('clientCertificate', directory),
  };
  const urlOf = (signal: OtlpSignal) => (protocol === 'grpc' ? base : urlOfSignal(base, signal));
  return Object.fromEntries(signals.map((signal) => [signal, { url: urlOf(signal), ...shared }]));
}

/** The fields of one target, each read once and judged. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  #where: string;

  constructor(value: unknown, where: string) {
    this.#where = where;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.#refused('', 'an object', value);
    this.#fields = value as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
    if (unknown !== undefined) throw this.#refused('', `fields among ${FIELDS.join(', ')}`, unknown);
    if (typeof this.#fields['name'] === 'string') this.#where = `target ${printable(this.#fields['name'])}`;
  }

  text(field: string, expected: string, isRight: (text: string) => boolean): string {
    const value = this.#fields[field];
    if (typeof value !== 'string' || !isRight(value)) throw this.#refused(field, expected, value);
    return value;
  }

  path(field: string, directory: string): string | null {
    if (this.#fields[field] === undefined) return null;
    return resolve(
      directory,
      this.text(field, "a file's path", (path) => path !== ''),
    );
  }

  choice<Choice extends string>(field: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const value = this.#fields[field] ?? choices[0];
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw this.#refused(field, `one of ${choices.join(', ')}`, value);
    return choice;
  }

  flag(field: string): boolean {
    const value = this.#fields[field] ?? false;
    if (typeof value !== 'boolean') throw this.#refused(field, 'true or false', value);
    return value;
  }

  milliseconds(field: string, fallback: number): number {
    const value = this.#fields[field] ?? fallback;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MILLISECONDS_MAX)
      return value as number;
    throw this.#refused(field, 'milliseconds, a whole number from 1', value);
  }

  list<Item extends string>(field: string, choices?: readonly Item[]): readonly Item[] | null {
    const value = this.#fields[field];
    if (value === undefined) return null;
    const isItem = (item: unknown) =>
      typeof item === 'string' && item !== '' && (choices === undefined || choices.includes(item as Item));
    const expected = choices === undefined ? 'a list of names' : `a list of ${choices.join(', ')}`;
    if (!Array.isArray(value) || value.length === 0 || !value.every(isItem))
      throw this.#refused(field, expected, value);
    return [...new Set(value as Item[])];
  }

  /** Their values are never shown: they hold keys. */
  headers(field: string): Record<string, string> {
    const value = this.#fields[field] ?? {};
    const refused = () => this.#refused(field, 'an object of header names and texts', 'something else');
    if (typeof value !== 'object' || Array.isArray(value)) throw refused();
    const headers = Object.entries(value as Record<string, unknown>).map(([name, text]) =>
      typeof text === 'string' ? header(name, text) : null,
    );
    if (headers.includes(null)) throw refused();
    return Object.fromEntries(headers.filter((one) => one !== null));
  }

  #refused(field: string, expected: string, value: unknown): Error {
    const what = field === '' ? '' : `${field} of `;
    return new Error(`${what}${this.#where}: expected ${expected}, got ${shown(value)}.`);
  }
}

function shown(value: unknown): string {
  return value === undefined
    ? 'nothing'
    : `"${printable(JSON.stringify(value)?.replace(/^"|"$/g, '') ?? '')}"`;
}
