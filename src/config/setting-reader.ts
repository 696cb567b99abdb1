import {
  type ChoiceOf,
  type DefaultedSetting,
  defaultOf,
  expectationOf,
  SETTINGS,
  type SettingName,
  type SettingOf,
  settingOf,
} from './settings.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Kubernetes sets `NERVECENTER_PORT=tcp://10.0.0.1:9464` for every container beside a service called `nervecenter`. */
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//;
const OWN_PREFIX = 'NERVECENTER_';

/** Whether a variable is Kubernetes' word for a service rather than anybody's setting. */
export function isServiceLink(name: string, value: string): boolean {
  return name.startsWith(OWN_PREFIX) && name.endsWith('_PORT') && SERVICE_LINK.test(value);
}

/** Reads one variable at a time; absent and empty mean "not set", everything else must be usable. */
export class SettingReader {
  /** What is wrong with the settings read so far: what was expected, what came, what to do. */
  readonly problems: string[] = [];
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** What is set, of any variable. */
  text(name: string): string | null {
    const value = this.#env[name]?.trim();
    return value === undefined || value === '' || isServiceLink(name, value) ? null : value;
  }

  /** What is set, or the default. */
  textOrDefault(name: SettingOf<'text'> & DefaultedSetting): string {
    return this.text(name) ?? SETTINGS[name].default;
  }

  /** Which exporters a variable of OpenTelemetry names, in lower case. */
  exporters(name: string): string[] {
    return itemsOf(this.text(name) ?? '').map((exporter) => exporter.toLowerCase());
  }

  list(name: SettingName): string[] {
    return itemsOf(this.text(name) ?? '');
  }

  integer(name: SettingOf<'integer'> & DefaultedSetting): number {
    return this.integerIfSet(name) ?? Number(SETTINGS[name].default);
  }

  /** `null`: not set, or not usable. */
  integerIfSet(name: SettingOf<'integer'>): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const { min, max } = SETTINGS[name];
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.refuse(name, value);
    return null;
  }

  choice<Name extends SettingOf<'choice'>>(name: Name): ChoiceOf<Name> {
    const { choices, default: fallback } = SETTINGS[name];
    const value = this.text(name) ?? fallback;
    const choice = choices.find((candidate) => candidate === value.toLowerCase());
    if (choice === undefined) this.refuse(name, value);
    return choice ?? fallback;
  }

  /** A list, or what `parse` hands back of it as unreadable. */
  parsed<T extends object | null>(
    name: SettingOf<'text'>,
    parse: (items: readonly string[]) => T | string,
  ): T {
    const parsed = parse(this.list(name));
    if (typeof parsed !== 'string') return parsed;
    this.refuse(name, parsed);
    return parse(itemsOf(settingOf(name).default ?? '')) as T;
  }

  refuse(name: SettingName, value: string): void {
    this.problems.push(
      `${name}: expected ${expectationOf(name)}, got "${printable(value)}". Correct it or unset it (default ${defaultOf(name)}).`,
    );
  }
}

/** A received value as it may be printed: short, on one line. */
export function printable(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}]/gu, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}...` : clean;
}

function itemsOf(list: string): string[] {
  return list.split(',').flatMap((item) => item.trim() || []);
}
