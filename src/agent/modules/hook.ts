import diagnosticsChannel from 'node:diagnostics_channel';
import Module, { createRequire, registerHooks } from 'node:module';
import { undoable } from './undoable.ts';

/** Called with a module's exports right after it ran; returns how to take back what it did to them. */
export type ModuleLoaded = (exports: unknown) => (() => void) | undefined;

/** Of a library that is observed by other means: that it is there is all that is wanted. */
export const onlyNoticed: ModuleLoaded = () => () => {};

/** Changes the source of an ES module before it runs; a source of an unknown shape is returned as it is. */
export type RewriteModule = (source: string) => string;

interface Watcher {
  readonly loaded: ModuleLoaded;
  readonly rewrite: RewriteModule | undefined;
  readonly undos: (() => void)[];
}

interface Announcement {
  readonly file: string;
  /** Its path or URL. */
  readonly location: string;
  readonly exports: unknown;
}

/** A watched file that the app has loaded. */
export interface LoadedFile {
  readonly location: string;
  /** Its shape is a known one: it is observed. */
  readonly seen: boolean;
}

const PACKAGES = '/node_modules/';
/** The watched module itself publishes here: a channel is reachable from CommonJS and ESM alike, without a global. */
const ANNOUNCEMENTS = 'nervecenter.module.loaded';
/** One library has a handful of copies in a process at most; beyond that they stay as they are. */
const COPIES_MAX = 32;

const watchers = new Map<string, Watcher[]>();
/** By the name under which they are watched. */
const outputs = new Map<string, BuildOutput>();
const loaded: LoadedFile[] = [];
/** Far more than an app loads of the files that are watched. */
const LOADED_MAX = 1000;
let hooks: { deregister(): void } | undefined;

/**
 * Observes one file of one installed package, however it is loaded: `require`, `import`, before or after this call
 * (before: CommonJS files only, those can be found in the cache).
 *
 * For libraries that publish on no diagnostics channel. Name the file that defines the class to patch, not the package's
 * entry, because an ESM entry often only re-exports it: `onModuleLoad('koa/lib/application.js', (exports) => …)`. Patch
 * prototypes and objects; an ESM namespace itself is read-only. Check the shape first and return `undefined` when it is
 * not the known one. What `loaded` throws is swallowed: the library then simply stays unobserved.
 *
 * @param file package name and path inside the package, with `/`.
 * @param loaded called once per copy of the file, at most 32 copies.
 * @param rewrite for an ES module whose exports are not objects to patch: nothing else can replace them.
 * @returns stops observing and runs the undo of every copy.
 */
export function onModuleLoad(file: string, loaded: ModuleLoaded, rewrite?: RewriteModule): () => void {
  const watcher: Watcher = { loaded, rewrite, undos: [] };
  watchers.set(file, [...(watchers.get(file) ?? []), watcher]);
  const stopWatching = undoable(() => {
    const others = (watchers.get(file) ?? []).filter((other) => other !== watcher);
    if (others.length > 0) watchers.set(file, others);
    else watchers.delete(file);
    if (watchers.size === 0) stop();
    for (const undo of watcher.undos.splice(0).reverse()) undo();
  });
  start();
  for (const { location, exports } of alreadyLoaded(file)) noteLoaded(location, tell(watcher, exports));
  return stopWatching;
}

/** A file that a framework builds of an app, outside of `node_modules`. */
export interface BuildOutput {
  /** What its path ends with. */
  readonly path: RegExp;
  /** What stands in it, and in no file that is called so by chance. */
  readonly text: string;
}

/**
 * Observes a file of an app's build like one of a package: for frameworks of which nothing else is left to observe. Seen are
 * files that are loaded after this call, and ES modules only where every module can be hooked (`hooksAreSound`).
 */
export function onOutputLoad(output: BuildOutput, loaded: ModuleLoaded, rewrite?: RewriteModule): () => void {
  const key = `${output.path.source} ${output.text}`;
  outputs.set(key, output);
  const forget = undoable(() => {
    if (!watchers.has(key)) outputs.delete(key);
  });
  const stopWatching = onModuleLoad(key, loaded, rewrite);
  return () => {
    stopWatching();
    forget();
  };
}

function start(): void {
  if (hooks !== undefined) return;
  diagnosticsChannel.subscribe(ANNOUNCEMENTS, announced);
  hooks = hooksAreSound(process.versions.node) ? hookEveryModule() : hookCommonJs();
}

/**
 * Whether `module.registerHooks` may be used at all: before these versions the first hook that is registered keeps an ESM app
 * that imports CommonJS from loading (`ERR_VM_MODULE_LINK_FAILURE` on 22.15).
 */
export function hooksAreSound(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 3);
  if (major === 24) return minor > 11 || (minor === 11 && patch >= 1);
  if (major === 25) return minor >= 1;
  return major >= 26;
}

function hookEveryModule(): { deregister(): void } {
  return registerHooks({
    load(url, context, nextLoad) {
      const result = nextLoad(url, context);
      if (!mayBeWatched(url) || result.source === undefined || result.source === null) return result;
      const text = sourceText(result.source);
      const file = watchedFile(url, text);
      if (file === undefined) return result;
      const source = result.format === 'module' ? rewritten(file, text) : text;
      return { ...result, source: source + announcementCode(result.format, url, file) };
    },
  });
}

function rewritten(file: string, source: string): string {
  try {
    return (watchers.get(file) ?? []).reduce((text, { rewrite }) => rewrite?.(text) ?? text, source);
  } catch {
    return source;
  }
}

/** The way of everything required and of all CommonJS; an ESM library that is imported stays unobserved. */
function hookCommonJs(): { deregister(): void } {
  const prototype = Module.prototype as unknown as { load(filename: string): void };
  const { load } = prototype;
  prototype.load = function loadObserved(this: NodeJS.Module, filename: string): void {
    load.call(this, filename);
    const file = watchedPackageFile(filename.replaceAll('\\', '/'));
    if (file !== undefined) announced({ file, location: filename, exports: this.exports });
  };
  return {
    deregister: () => {
      prototype.load = load;
    },
  };
}

function stop(): void {
  diagnosticsChannel.unsubscribe(ANNOUNCEMENTS, announced);
  hooks?.deregister();
  hooks = undefined;
}

/** Runs for every module the app loads, so it looks at little. */
function mayBeWatched(location: string): boolean {
  if (location.includes(PACKAGES)) return watchedPackageFile(location) !== undefined;
  for (const { path } of outputs.values()) if (path.test(location)) return true;
  return false;
}

/** The name under which a module is watched. */
function watchedFile(location: string, text: string): string | undefined {
  if (location.includes(PACKAGES)) return watchedPackageFile(location);
  for (const [key, output] of outputs) {
    if (output.path.test(location) && text.includes(output.text)) return key;
  }
  return undefined;
}

function watchedPackageFile(location: string): string | undefined {
  const at = location.lastIndexOf(PACKAGES);
  if (at === -1) return undefined;
  const file = location.slice(at + PACKAGES.length);
  return watchers.has(file) ? file : undefined;
}

/** Appended, never put in front, so that line numbers and source maps stay right. */
function announcementCode(format: string | null | undefined, url: string, file: string): string {
  const publish = (exports: string) =>
    `.channel(${JSON.stringify(ANNOUNCEMENTS)}).publish({ file: ${JSON.stringify(file)}, location: ${JSON.stringify(url)}, exports: ${exports} });\n`;
  if (format === undefined || format === null || format === 'commonjs') {
    // Without a `type` in its package.json a required file may still turn out to be ESM, which knows no `module`.
    return `\n;if (typeof module === 'object') require('node:diagnostics_channel')${publish('module.exports')}`;
  }
  if (format !== 'module') return '';
  // A module may import itself: its namespace is the only name for all its exports, whatever they are called inside.
  return (
    `\n;import * as nervecenterSelf from ${JSON.stringify(url)};` +
    `\nimport nervecenterChannels from 'node:diagnostics_channel';\nnervecenterChannels${publish('nervecenterSelf')}`
  );
}

function sourceText(source: string | ArrayBufferView | ArrayBufferLike): string {
  return typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
}

function announced(message: unknown): void {
  const { file, location, exports } = message as Announcement;
  const told = (watchers.get(file) ?? []).map((watcher) => tell(watcher, exports));
  // What stands around a build is the app, which is no library that is seen.
  if (!outputs.has(file)) noteLoaded(location, told.includes(true));
}

/** Returns whether the file is observed. */
function tell(watcher: Watcher, exports: unknown): boolean {
  if (watcher.undos.length >= COPIES_MAX) return false;
  try {
    const undo = watcher.loaded(exports);
    if (undo !== undefined) watcher.undos.push(undo);
    return undo !== undefined || watcher.rewrite !== undefined;
  } catch {
    return false; // A library of an unknown shape stays unobserved; loading it must never fail because of us.
  }
}

function noteLoaded(location: string, seen: boolean): void {
  if (loaded.length < LOADED_MAX) loaded.push({ location, seen });
}

/** The watched files that were loaded so far; one may be there several times. */
export function loadedFiles(): readonly LoadedFile[] {
  return loaded;
}

function alreadyLoaded(file: string): { readonly location: string; readonly exports: unknown }[] {
  const { cache } = createRequire(import.meta.url);
  return Object.entries(cache)
    .filter(([path, module]) => module?.loaded && path.replaceAll('\\', '/').endsWith(PACKAGES + file))
    .map(([location, module]) => ({ location, exports: module?.exports }));
}
