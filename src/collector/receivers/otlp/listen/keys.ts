import { createHash, timingSafeEqual } from 'node:crypto';
import type { OtlpKey } from '../../../../config/config.ts';
import { NervecenterError } from '../../../../core/errors.ts';

/** The header that carries a key, and the key of gRPC's metadata. */
export const KEY_HEADER = 'x-nervecenter-key';

/** Who may send. */
export class SenderKeys {
  readonly #keys: readonly { readonly name: string; readonly digest: Buffer }[];

  /** @param keys none: everybody may. */
  constructor(keys: readonly OtlpKey[]) {
    this.#keys = keys.map(({ name, key }) => ({ name, digest: digestOf(key) }));
  }

  /**
   * Whose key it is, `null` where none is asked for. Takes the same time for every wrong one.
   *
   * @throws NervecenterError `NC_UNAUTHENTICATED`, `NC_KEY_WRONG`
   */
  nameOf(key: string | undefined, authorization: string | undefined): string | null {
    if (this.#keys.length === 0) return null;
    const given = key ?? /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined || given === '') {
      throw new NervecenterError(
        'NC_UNAUTHENTICATED',
        `A key is needed here. Send it as "${KEY_HEADER}" or as "Authorization: Bearer <key>".`,
      );
    }
    const digest = digestOf(given);
    let found: string | null = null;
    for (const { name, digest: own } of this.#keys) {
      if (timingSafeEqual(own, digest)) found = name;
    }
    if (found !== null) return found;
    throw new NervecenterError(
      'NC_KEY_WRONG',
      'This key is not known here. Use the one printed at start or set in NERVECENTER_OTLP_KEYS.',
    );
  }
}

/** Digests have one length, and their order says nothing of what they were made of. */
function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
