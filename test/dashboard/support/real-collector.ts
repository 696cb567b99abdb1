import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { startCollector } from '../../../src/collector/start.ts';
import { readConfig } from '../../../src/config/config.ts';
import { WITHOUT_OTLP } from '../../support/free-port.ts';
import type { TestPostgres } from '../../support/postgres.ts';

const TOKEN = 'a-token-long-enough-for-a-test';
const SHUTDOWN_MS = 3000;
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What the collector serves itself. */
const SERVED = join(import.meta.dirname, '../../../dist/dashboard');

export interface RealCollector {
  readonly url: string;
  /** Logs a browser in, and gives it the dashboard where it was built for the test; all else is the collector's own. */
  admit(context: BrowserContext): Promise<void>;
  stop(): Promise<void>;
}

/** A collector as users run it, on a database that is there already. */
export async function startRealCollector(options: {
  readonly database: Awaited<ReturnType<TestPostgres['createDatabase']>>;
  readonly dataDir: string;
  /** The built dashboard. */
  readonly assets: string;
  /** Settings besides. */
  readonly env?: Readonly<Record<string, string>>;
}): Promise<RealCollector> {
  const { database, dataDir, assets, env = {} } = options;
  const config = readConfig(
    {
      ...database.env,
      NERVECENTER_PORT: '0',
      ...WITHOUT_OTLP,
      NERVECENTER_INTERVAL_MS: '1000',
      NERVECENTER_ADMIN_TOKEN: TOKEN,
      NERVECENTER_DATA_DIR: dataDir,
      ...env,
    },
    dataDir,
  );
  const collector = await startCollector({ config, log: () => {}, host: null });
  const url = collector.url.replace(/\/$/, '');
  return {
    url,
    async admit(context) {
      const login = await context.request.post(`${url}/login`, {
        data: { token: TOKEN },
        headers: { origin: url },
      });
      if (!login.ok()) throw new Error(`The login was answered by ${login.status()}.`);
      if (assets === SERVED) return;
      await context.route(`${url}/admin/**`, async (route) => {
        const path = new URL(route.request().url()).pathname.replace('/admin/', '');
        const isFile = extname(path) !== '';
        await route.fulfill({
          contentType: TYPES[extname(path)] ?? 'text/html',
          body: await readFile(join(assets, isFile ? path : 'index.html')),
        });
      });
    },
    stop: () => collector.shutdown(SHUTDOWN_MS),
  };
}
