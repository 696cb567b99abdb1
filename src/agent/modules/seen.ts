import { fileURLToPath } from 'node:url';
import type { Source } from '../../core/frame.ts';
import { type InstalledPackage, manifestsAbove, packageOf } from '../../platform/installed.ts';
import { hooksAreSound, loadedFiles } from './hook.ts';

/** Seen whatever package it is that serves or asks. */
const ALWAYS = ['HTTP servers', 'model calls'];
/** Parts of packages that are named themselves. */
const PARTS: ReadonlySet<string> = new Set(['router', 'pg-pool']);
/** What an app may have that does its work where nothing shows, and which function takes it instead. */
const UNSEEN: Readonly<Record<string, string>> = {
  'uWebSockets.js': 'a server of its own: recordRequest',
  'hyper-express': 'a server of its own: recordRequest',
  websocket: 'sessions: recordWsConnect',
  'faye-websocket': 'sessions: recordWsConnect',
  'node-llama-cpp': 'models in the process: recordLlmCall',
  '@huggingface/transformers': 'models in the process: recordLlmCall',
  '@xenova/transformers': 'models in the process: recordLlmCall',
  'onnxruntime-node': 'models in the process: recordLlmCall',
  '@lancedb/lancedb': 'a store in the process: query.stage',
  'faiss-node': 'a store in the process: query.stage',
  'hnswlib-node': 'a store in the process: query.stage',
  'sqlite-vec': 'a store in the process: query.stage',
};
const LATER_MAX = 10;

/** What is observed in this app and what cannot be, as far as it is known by now. */
export class SeenLibraries {
  readonly #appDirectory: string | null;
  readonly #told = new Set<string>();
  #files = 0;
  #later = 0;
  #noticed = false;

  /** @param appDirectory where the app's main script is. */
  constructor(appDirectory: string | null) {
    this.#appDirectory = appDirectory;
  }

  /** All that is known by now, for who is told of this process. */
  tell(): Pick<Source, 'instrumentations' | 'unseen'> {
    const { seen, strange } = this.#look();
    for (const name of seen) this.#told.add(name);
    return { instrumentations: [...ALWAYS, ...seen], unseen: this.#unseen(strange) };
  }

  /** A person was told: what comes later is worth a line. */
  noticed(): void {
    this.#noticed = true;
  }

  /** Says what has come since, at most ten times. Costs next to nothing where nothing has. */
  sayLater(say: (text: string) => void): void {
    if (!this.#noticed || loadedFiles().length === this.#files || this.#later >= LATER_MAX) return;
    const later = this.#look().seen.filter((name) => !this.#told.has(name));
    if (later.length === 0) return;
    this.#later++;
    for (const name of later) this.#told.add(name);
    say(`[nervecenter] instrumented since: ${later.join(', ')}.\n`);
  }

  /** What the app has and nothing is seen of, with why, or what takes it. */
  #unseen(strange: readonly string[]): string[] {
    const asked = this.#appDirectory === null ? [] : manifestsAbove(this.#appDirectory);
    const names = new Set(asked.flatMap(({ dependencies }) => Object.keys(Object(dependencies))));
    const known = [...names].filter((name) => Object.hasOwn(UNSEEN, name));
    return [
      ...known.map((name) => `${name} (${UNSEEN[name]})`),
      ...strange.map((name) => `${name} (not a version that is known)`),
      ...(hooksAreSound(process.versions.node)
        ? []
        : [`what hono, lru-cache and keyv do where they are imported (Node ${process.versions.node})`]),
    ];
  }

  #look(): { readonly seen: string[]; readonly strange: string[] } {
    const files = loadedFiles();
    this.#files = files.length;
    const seen = new Set(files.filter((file) => file.seen).flatMap(({ location }) => nameOf(location)));
    const strange = new Set(files.filter((file) => !file.seen).flatMap(({ location }) => nameOf(location)));
    return { seen: [...seen], strange: [...strange].filter((name) => !seen.has(name)) };
  }
}

const names = new Map<string, string | null>();

/** Package and version; nothing for a part of another one. */
function nameOf(location: string): string[] {
  let name = names.get(location);
  if (name === undefined) {
    name = named(packageOf(location.startsWith('file:') ? fileURLToPath(location) : location));
    names.set(location, name);
  }
  return name === null ? [] : [name];
}

function named(found: InstalledPackage | null): string | null {
  const name = String(found?.manifest.name);
  return found === null || PARTS.has(name) ? null : `${name} ${found.version}`;
}
