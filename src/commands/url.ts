import { dashboardsFor, type Whose } from '../collector/receivers/ask.ts';
import { type Config, readConfig } from '../config/config.ts';
import { placeOf } from '../config/place.ts';
import { NervecenterError } from '../core/errors.ts';

/**
 * Prints the address of the dashboard that an app with this environment and directory has, as its start notice did: with a
 * code that logs in once, where the token was made for the user.
 *
 * @throws NervecenterError `NC_UNAVAILABLE` when it runs nowhere, with those that do.
 */
export async function url(): Promise<number> {
  const config = readConfig(undefined, undefined, { reader: 'app' });
  if (config.port === 0) {
    throw new NervecenterError(
      'NC_CONFIG_INVALID',
      'NERVECENTER_PORT: expected the port of a dashboard, got "0", and which one that became only its start notice says. Unset it or set a port, here and for the app.',
    );
  }
  const found = await dashboardsFor(placeOf(config));
  const own = found.find(({ why }) => why === null);
  if (own === undefined) throw noneRuns(config, found);
  process.stdout.write(`${own.login}\n`);
  return 0;
}

function noneRuns({ port }: Config, others: readonly Whose[]): NervecenterError {
  const running = others.map(({ holder }) => `${holder.url} of ${holder.service} (process ${holder.pid})`);
  const known = running.length === 0 ? '' : `, only ${running.join(', ')}`;
  return new NervecenterError(
    'NC_UNAVAILABLE',
    `No dashboard of an app of this directory with these settings runs at port ${port} or the next ones${known}: start the app, or ask in its directory, with its settings and as its user.`,
  );
}
