import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { OtlpKey } from '../../../../config/config.ts';
import { NervecenterError } from '../../../../core/errors.ts';
import { AttemptLimiter } from '../../../../platform/attempt-limiter.ts';
import { STREAMS_MAX } from './limits.ts';

/** The header that carries a key, and the key of gRPC's metadata. */
export const KEY_HEADER = 'x-nervecenter-key';

/** Where a request comes from. */
export type Connection = Pick<Socket, 'destroyed' | 'once' | 'off'> & {
  readonly remoteAddress?: string | undefined;
};

/** What a request says of its sender. */
export interface GivenKey {
  /** Of the header of our own; it comes before `authorization`. */
  readonly key: string | undefined;
  readonly authorization: string | undefined;
}

export interface SenderKeysOptions {
  /** Whether somebody thought of them: then guessing them has to be slow. @default they did */
  readonly chosen?: boolean;
  readonly limiter?: AttemptLimiter;
}

/** What is known of a connection. */
interface Looked {
  /** The digest of the key that was right on it the last time. */
  right: string | null;
  /** Requests on it whose keys are looked at one after the other, and the last of them. */
  waiting: number;
  last: Promise<unknown>;
}

/**
 * Who may send. Keys that somebody thought of are guessed as slowly as tokens are: past some wrong ones from an address the next
 * are looked at in turns. A right one is looked at in its turn, once for each connection, and never refused.
 */
export class SenderKeys {
  readonly #keys: readonly { readonly name: string; readonly digest: Buffer }[];
  readonly #chosen: boolean;
  readonly #limiter: AttemptLimiter;
  readonly #looked = new WeakMap<Connection, Looked>();

  /** @param keys none: everybody may. */
  constructor(keys: readonly OtlpKey[], { chosen = true, limiter }: SenderKeysOptions = {}) {
    this.#keys = keys.map(({ name, key }) => ({ name, digest: digestOf(key) }));
    this.#chosen = chosen;
    this.#limiter = limiter ?? new AttemptLimiter(() => performance.now());
  }

  /**
   * Whose key it is, `null` where none is asked for. Takes the same time for every wrong one.
   *
   * @throws NervecenterError `NC_UNAUTHENTICATED`, `NC_KEY_WRONG`, and `NC_OVERLOADED` where more wait on a connection than it may
   * have requests at once.
   */
  async nameOf({ key, authorization }: GivenKey, connection: Connection): Promise<string | null> {
    if (this.#keys.length === 0) return null;
    const given = key ?? /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined || given === '') {
      throw new NervecenterError(
        'NC_UNAUTHENTICATED',
        `A key is needed here. Send it as "${KEY_HEADER}" or as "Authorization: Bearer <key>".`,
      );
    }
    const digest = digestOf(given);
    const name = this.#chosen ? await this.#lookedAt(digest, connection) : this.#known(digest);
    if (name !== null) return name;
    throw new NervecenterError(
      'NC_KEY_WRONG',
      'This key is not known here. Use the one printed at start or set in NERVECENTER_OTLP_KEYS.',
    );
  }

  /** One that was right on this connection is no guess. */
  async #lookedAt(digest: Buffer, connection: Connection): Promise<string | null> {
    const address = connection.remoteAddress ?? '';
    const text = digest.toString('hex');
    const looked = this.#lookedOn(connection);
    if (looked.right === text) return this.#known(digest);
    const isLookedAt = looked.waiting === 0 && !this.#limiter.isSlowed(address);
    if (!isLookedAt && !(await this.#inTurn(text, looked, connection))) return null;
    const name = this.#limiter.isKnownWrong(text) ? null : this.#known(digest);
    if (name === null) this.#limiter.failed(address, text);
    else looked.right = text;
    return name;
  }

  /** @returns false where nobody waits for the answer any more. */
  async #inTurn(digest: string, looked: Looked, connection: Connection): Promise<boolean> {
    if (this.#limiter.isKnownWrong(digest)) return true;
    if (looked.waiting >= STREAMS_MAX)
      throw new NervecenterError('NC_OVERLOADED', 'Too many requests wait on this connection.');
    looked.waiting++;
    const before = looked.last;
    const turn = async () => {
      await before;
      if (connection.destroyed) return false;
      if (looked.right === digest) return true;
      return this.#limiter.turn(connection.remoteAddress ?? '', connection);
    };
    const own = turn().finally(() => {
      looked.waiting--;
    });
    looked.last = own;
    return own;
  }

  #lookedOn(connection: Connection): Looked {
    const known = this.#looked.get(connection);
    if (known !== undefined) return known;
    const looked: Looked = { right: null, waiting: 0, last: Promise.resolve() };
    this.#looked.set(connection, looked);
    return looked;
  }

  #known(digest: Buffer): string | null {
    let found: string | null = null;
    for (const { name, digest: own } of this.#keys) {
      if (timingSafeEqual(own, digest)) found = name;
    }
    return found;
  }
}

/** Digests have one length, and their order says nothing of what they were made of. */
function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
