import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '../../..');

export interface BuiltDashboard {
  readonly directory: string;
  remove(): Promise<void>;
}

/** The dashboard as `npm run build` left it, or else built into a temporary directory. */
export async function builtDashboard(): Promise<BuiltDashboard> {
  const dist = join(root, 'dist/dashboard');
  if (existsSync(join(dist, 'index.html'))) return { directory: dist, remove: async () => {} };
  const directory = await mkdtemp(join(tmpdir(), 'nervecenter-dashboard-'));
  const source = join(root, 'dashboards/web');
  await build({
    configFile: join(source, 'vite.config.ts'),
    root: source,
    logLevel: 'error',
    build: { outDir: directory },
  });
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
