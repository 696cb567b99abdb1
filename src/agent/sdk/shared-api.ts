import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageOf } from '../../platform/installed.ts';
import { API_KEY, type ApiGlobal } from '../context/app-trace.ts';

/** What can be registered with OpenTelemetry's API. */
export type Slot = 'trace' | 'context' | 'propagation' | 'metrics' | 'logs' | 'diag';
type Slots = Partial<Record<Slot, unknown>>;

/** A registration under way: the copy of the API that asks has this version, `null` where nobody can tell. */
interface Registration {
  readonly version: string | null;
}

interface SharedApiOptions {
  /** The version of the API that our own SDK is made for. */
  readonly version: string;
  /** What the app has registered in a place of ours, or beside it. */
  readonly onTaken: (slot: Slot) => void;
}

const API_PACKAGE = '@opentelemetry/api';
const KEY_IN_CODE = 'opentelemetry.js.api.';
const AROUND_CHARS = 4096;
/** From 1.10 on the version stands in the comparison, before in a constant, whose major part is in the key. */
const COMPARED = /\.version\s*!==\s*["'`](1\.\d+\.\d+)["'`]|["'`](1\.\d+\.\d+)["'`]\s*!==\s*[\w$]+\.version/;
const MAJOR_OF = /([\w$]+)\.split\(\s*["'`]\.["'`]\s*\)\[0\]/;

const holder = globalThis as { [API_KEY]?: ApiGlobal };

/**
 * What all copies of `@opentelemetry/api` 1.x in a process share, with places of ours in it that give way to the app's.
 *
 * A copy that registers something reads the shared object, writes it back to where it was, looks whether the place is free
 * and the version its own, and only then fills the place; a copy that looks something up never writes. So the write tells
 * that somebody registers: to that copy our places are free and the version is its own. To everybody else they are taken, and
 * the version is that of our SDK until the first registration of the app; from then on it is that one's, as without us.
 */
export class SharedApi {
  readonly #options: SharedApiOptions;
  /** What the app has registered; the shared object is a proxy of it. */
  readonly #theirs: Record<string, unknown> & Slots;
  #ours: Slots;
  readonly #shared: ApiGlobal;
  #registering: Registration | null = null;
  /** Whether the version is settled, as the first registration does it. */
  #settled: boolean;
  /** While our own SDK registers what it has made. */
  #made: Slots | null = null;

  /** @param existing what is shared so far; of it `own` is ours. */
  constructor(options: SharedApiOptions, existing: ApiGlobal | undefined, own: Slots) {
    const { version: before = options.version, ...registered } = existing ?? {};
    const theirs = Object.entries(registered).filter(([slot, value]) => own[slot as Slot] !== value);
    this.#options = options;
    this.#ours = own;
    this.#settled = theirs.length > 0;
    this.#theirs = { ...Object.fromEntries(theirs), version: this.#settled ? before : options.version };
    this.#shared = new Proxy(this.#theirs, {
      get: (_target, key) => this.#get(key),
      set: (_target, key, value) => this.#set(String(key), value),
      deleteProperty: (_target, key) => this.#delete(String(key)),
    }) as unknown as ApiGlobal;
    Object.defineProperty(globalThis, API_KEY, {
      configurable: true,
      enumerable: false,
      get: () => this.#shared,
      set: (value: ApiGlobal | undefined) => this.#written(value),
    });
  }

  /** Whether a place is ours. */
  has(slot: Slot): boolean {
    return this.#theirs[slot] === undefined && this.#ours[slot] !== undefined;
  }

  /** What the app has registered. */
  theirs(slot: Slot): unknown {
    return this.#theirs[slot];
  }

  /** Takes a place, where it is free. */
  fill(slot: Slot, value: unknown): void {
    this.#ours[slot] = value;
  }

  /** Gives up our places in favour of an SDK of the app; metrics are no part of tracing and stay. */
  giveWay(): void {
    const { metrics } = this.#ours;
    this.#ours = metrics === undefined ? {} : { metrics };
  }

  /** Runs what registers our own SDK, and returns what it registered, which is in no place by that. */
  capture(register: () => void): Slots {
    const made: Slots = {};
    this.#made = made;
    try {
      register();
    } finally {
      this.#made = null;
      this.#registering = null;
    }
    return made;
  }

  /** Leaves what the app has registered as if we had not been there. */
  remove(): void {
    if (holder[API_KEY] !== this.#shared) return;
    if (this.#settled) this.#replace(this.#theirs as unknown as ApiGlobal);
    else delete holder[API_KEY];
  }

  #written(value: ApiGlobal | undefined): void {
    if (value === this.#shared) this.#registering = { version: callersVersion() };
    else this.#replace(value); // Somebody starts anew, as tests do.
  }

  #replace(value: ApiGlobal | undefined): void {
    Object.defineProperty(globalThis, API_KEY, { value, writable: true, configurable: true });
  }

  #get(key: string | symbol): unknown {
    if (key === 'version') return this.#versionToSay();
    const slot = key as Slot;
    if (this.#made !== null) return this.#made[slot];
    if (this.#registering === null) return this.#theirs[slot] ?? this.#ours[slot];
    // It is refused by what the app itself has registered before.
    if (this.#theirs[slot] !== undefined) this.#registering = null;
    return this.#theirs[slot];
  }

  /** Read last before a place is filled. */
  #versionToSay(): unknown {
    const { version = null } = this.#registering ?? {};
    const registers = this.#registering !== null;
    this.#registering = null;
    if (this.#made !== null) return version ?? this.#options.version;
    if (registers && !this.#settled && version !== null) this.#theirs['version'] = version;
    return this.#theirs['version'];
  }

  #set(slot: string, value: unknown): boolean {
    if (this.#made !== null) {
      this.#made[slot as Slot] = value;
      return true;
    }
    this.#theirs[slot] = value;
    this.#settled = true;
    this.#options.onTaken(slot as Slot);
    return true;
  }

  #delete(slot: string): boolean {
    if (this.#made === null) delete this.#ours[slot as Slot];
    return Reflect.deleteProperty(this.#made ?? this.#theirs, slot);
  }
}

/** Of the copy of the API that is writing the shared object, by the file its code is in: its package's, or a bundle. */
function callersVersion(): string | null {
  try {
    const file = callerFile();
    if (file === null) return null;
    const found = packageOf(file);
    return found?.manifest.name === API_PACKAGE ? found.version : bundledVersion(readFileSync(file, 'utf8'));
  } catch {
    return null; // A file that is not there any more.
  }
}

/**
 * Which version of the API a bundle holds: that which its code that registers compares with, else the one assigned nearest to
 * it under the name that code uses. `null` where it does not show.
 */
export function bundledVersion(code: string): string | null {
  const at = code.indexOf(KEY_IN_CODE);
  if (at === -1) return null;
  const around = code.slice(Math.max(0, at - AROUND_CHARS), at + AROUND_CHARS);
  const compared = COMPARED.exec(around);
  if (compared !== null) return compared[1] ?? compared[2] ?? null;
  const name = MAJOR_OF.exec(around)?.[1]?.replaceAll('$', '\\$');
  if (name === undefined) return null;
  const assignment = new RegExp(`[\\s,;{.(]${name}\\s*=\\s*["'\`](1\\.\\d+\\.\\d+)["'\`]`, 'g');
  let nearest: RegExpExecArray | null = null;
  for (const found of code.matchAll(assignment)) {
    if (nearest === null || Math.abs(found.index - at) < Math.abs(nearest.index - at)) nearest = found;
  }
  return nearest?.[1] ?? null;
}

/** The file of the function that writes. A handful of times per process. */
function callerFile(): string | null {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 10;
    Error.prepareStackTrace = (_error, sites) => sites;
    const sites = new Error().stack as unknown as readonly NodeJS.CallSite[];
    const own = import.meta.url;
    const names = sites.map((site) => site.getFileName() ?? '').filter((name) => name !== '');
    const name = names.find((one) => one !== own && one !== fileURLToPath(own));
    return name === undefined ? null : name.startsWith('file:') ? fileURLToPath(name) : name;
  } catch {
    return null; // An app that forbids it, or a file of another scheme.
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
