import { basename } from 'node:path';

/** Programs that start others, build, check or watch: they inherit NODE_OPTIONS, or the flag, and have no app in them. */
interface Program {
  /** Of their scripts; of the package, where the script is just its `bin` or `cli`. */
  readonly names: readonly string[];
  /** Whether they are the app with these arguments, in this very process. @default never */
  readonly isApp?: (args: readonly string[]) => boolean;
}

/** They come with Node, or are installed by themselves. */
const PACKAGE_MANAGERS: readonly string[] = ['npm', 'npm-cli', 'npx', 'npx-cli', 'yarn', 'pnpm', 'corepack'];
const PROGRAMS: readonly Program[] = [
  { names: PACKAGE_MANAGERS },
  { names: ['nodemon', 'concurrently', 'turbo', 'nx', 'tsx', 'nest', 'nuxt', 'nuxi'] },
  { names: ['tsc', 'esbuild', 'rollup', 'rolldown', 'webpack', 'webpack-cli', 'svelte-kit'] },
  { names: ['eslint', 'prettier', 'biome'] },
  // `next dev` serves in a child, which it starts anew when that has used up its memory.
  { names: ['next'], isApp: (args) => args.includes('start') },
  { names: ['vite'], isApp: (args) => !args.includes('build') && !args.includes('optimize') },
  { names: ['react-router', '@react-router/dev'], isApp: (args) => args.includes('dev') },
];

/** Scripts of processes that a framework starts for its own work, such as the workers of `next build` and Turbopack's. */
const WORKERS = [/\/node_modules\/next\/dist\/compiled\/jest-worker\//, /\[turbopack-node\][^/]*$/];

/**
 * Whether a process only starts, builds, checks or helps an app.
 *
 * @param argv as in `process.argv`: Node itself, the script, its arguments.
 */
export function isLauncher(argv: readonly string[]): boolean {
  const [, path, ...args] = argv;
  if (path === undefined) return false;
  const script = path.replaceAll('\\', '/');
  if (WORKERS.some((worker) => worker.test(script))) return true;
  const name = nameOf(script);
  const program = PROGRAMS.find(({ names }) => names.includes(name));
  return program !== undefined && program.isApp?.(args) !== true;
}

/** What a script is known by; empty for one of the app's own. */
function nameOf(script: string): string {
  const name = basename(script).replace(/\.[cm]?js$/, '');
  const at = script.lastIndexOf('/node_modules/');
  if (at === -1) return PACKAGE_MANAGERS.includes(name) ? name : '';
  if (name !== 'bin' && name !== 'cli') return name;
  const [scope = '', inScope = ''] = script.slice(at + '/node_modules/'.length).split('/');
  return scope.startsWith('@') ? `${scope}/${inScope}` : scope;
}
