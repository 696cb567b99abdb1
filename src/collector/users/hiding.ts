import type { Config } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import { keepUserKey, keptUserKey, newSecret, ownUserKey } from '../kept-secrets.ts';
import type { Log } from '../log.ts';
import type { Lend } from '../sinks/postgres/connect/lend.ts';
import { agreeOnUserKey, askForUserKey } from '../sinks/postgres/user-key.ts';
import { type Pseudonyms, pseudonymsOf } from './pseudonyms.ts';

/** The first start of all waits so long for the database to say by which key its users are hidden. */
const ASK_MS = 5 * SECOND_MS;
/** What is written before the database is asked may have to be found by another name. */
const ASK_AGAIN_MS = MINUTE_MS;

type Asked = Pick<
  Config,
  'hashUsers' | 'hashKey' | 'postgres' | 'storage' | 'schema' | 'dataDir' | 'userHeaders'
>;

export interface UserHiding {
  readonly pseudonyms: Pseudonyms;
  /**
   * Makes sure that the database's key is used, as soon as it can be asked.
   *
   * @param tried resolves once that was tried for the first time.
   * @returns stops trying.
   */
  agree(lend: Lend | undefined, tried: Promise<unknown>): () => void;
}

/**
 * What stands for users; `null`: they are called as they are. The key is the one that is set, else the one that the database
 * has for all its collectors; a copy in the data directory is what a start with a server that is away goes by. Embedded storage
 * has one data directory, so there the copy is all there is.
 */
export async function startUserHiding(config: Asked, log: Log): Promise<UserHiding | null> {
  if (config.hashUsers === 'off') return null;
  const { dataDir, userHeaders } = config;
  const hasAgreed = config.hashKey !== null || config.postgres === null || config.storage === 'off';
  let key = hasAgreed ? settledKey(config) : (keptUserKey(dataDir) ?? (await firstKey(config, log)));
  const waiting = new Condition(log, 'users');
  const ask = async (lend: Lend) => {
    const agreed = await lend((client) => agreeOnUserKey(client, key));
    if (agreed === key) return;
    key = agreed;
    keepUserKey(dataDir, agreed);
    log('users', 'hidden by the key that the database has from now on; those of before have other names.');
  };
  return {
    pseudonyms: pseudonymsOf({ key: () => key, userHeaders }),
    agree: (lend, tried) =>
      hasAgreed || lend === undefined ? () => {} : untilDone(() => tried.then(() => ask(lend)), waiting),
  };
}

/** As a process ends that no collector serves: nobody is asked any more. */
export function lastPseudonyms(config: Asked): Pseudonyms | null {
  if (config.hashUsers === 'off') return null;
  const key = settledKey(config);
  return pseudonymsOf({ key: () => key, userHeaders: config.userHeaders });
}

function settledKey({ hashKey, dataDir }: Asked): string {
  return hashKey ?? ownUserKey(dataDir);
}

async function firstKey({ postgres, schema, dataDir }: Asked, log: Log): Promise<string> {
  const offered = newSecret();
  try {
    if (postgres === null) return ownUserKey(dataDir);
    const agreed = await askForUserKey({ postgres, schema, offered, timeoutMs: ASK_MS });
    keepUserKey(dataDir, agreed);
    return agreed;
  } catch (error) {
    log(
      'users',
      `hidden by a key of this data directory until the database can be asked for its own: ${describeError(error)}`,
    );
    return ownUserKey(dataDir);
  }
}

function untilDone(work: () => Promise<void>, failing: Condition): () => void {
  const attempt = () =>
    work().then(
      () => {
        clearInterval(timer);
        failing.end('the database has said by which key users are hidden.');
      },
      (error: unknown) =>
        failing.begin(`not known by which key users are to be hidden: ${describeError(error)}`),
    );
  const timer = setInterval(() => void attempt(), ASK_AGAIN_MS).unref();
  void attempt();
  return () => clearInterval(timer);
}
