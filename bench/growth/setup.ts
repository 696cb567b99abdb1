import { join } from 'node:path';
import { freePort, WITHOUT_OTLP } from '../../test/support/free-port.ts';
import { Child } from '../child.ts';

export const TOKEN = 'bench-bench-bench-bench';

const AGENT = ['--require', join(import.meta.dirname, '..', '..', 'otel.js')];
const NO_STORAGE = { NERVECENTER_STORAGE: 'off' };
const EVERY_SECOND = { NERVECENTER_INTERVAL_MS: '1000' };

type Env = Readonly<Record<string, string>>;

/** What a collector alone tells of its process so far. */
export interface CollectorUsage {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

export interface AloneCollector {
  readonly child: Child;
  readonly url: string;
  /** What lets an app join it. */
  readonly env: Env;
}

/** An app that hosts its collector itself, without storage unless `env` says where. */
export async function startApp(dataDir: string, env: Env = NO_STORAGE): Promise<Child> {
  return readyApp({ ...EVERY_SECOND, NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: dataDir, ...env }, dataDir);
}

/** An app that joins a collector. */
export async function startJoined({ env }: AloneCollector, home: string): Promise<Child> {
  return readyApp(env, home);
}

async function readyApp(env: Env, home: string): Promise<Child> {
  const child = new Child(join('growth', 'app.ts'), { flags: AGENT, env: { ...env, HOME: home } });
  await child.next();
  return child;
}

/** A collector of no app, with a snapshot every second and no storage. */
export async function startAlone(dataDir: string): Promise<AloneCollector> {
  const env = {
    ...NO_STORAGE,
    ...EVERY_SECOND,
    ...WITHOUT_OTLP,
    NERVECENTER_PORT: String(await freePort()),
    NERVECENTER_DATA_DIR: dataDir,
    NERVECENTER_ADMIN_TOKEN: TOKEN,
  };
  const child = new Child(join('growth', 'collector.ts'), { env: { ...env, HOME: dataDir } });
  return { child, url: await child.next<string>(), env };
}
