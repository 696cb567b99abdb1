/**
 * Whose dashboard is whose: processes share a collector only where they agree on it. A collector that runs alone
 * (`nervecenter collector`) is there to be joined, so who has no opinion of where rows go agrees with it.
 */

/** What a process wants of the collector it has its dashboard at. */
export interface Place {
  /** The port it asks for; `0`: any. */
  readonly port: number;
  readonly storage: 'on' | 'off';
  /** Digest of host, port and name of the user's Postgres; `null`: embedded storage. */
  readonly database: string | null;
  /** Where its tables are. */
  readonly schema: string;
  /** Digest of its path, without symbolic links. */
  readonly dataDir: string;
  /** Whether an operator said where rows go. */
  readonly chosen: boolean;
  /** Digests of the admin tokens that an operator set. */
  readonly tokens: readonly string[];
}

/** Where a process leaves rows that no collector has taken when it ends. */
export interface Leaving {
  /** Absolute, without symbolic links. */
  readonly dataDir: string;
  /** Where those rows go. */
  readonly target: string;
}

/** Whose collector it is. */
export interface Holder {
  readonly service: string;
  readonly pid: number;
  /** Of its dashboard. */
  readonly url: string;
  /** It runs alone: not in an app. */
  readonly alone: boolean;
  /** It listens for OTLP, at ports that are free once it is gone. */
  readonly takesOtlp?: boolean;
}

/** Why one does not join: it asked for another port, rows go elsewhere or nowhere, or its token opens nothing there. */
export type Disagreement = 'port' | 'storage' | 'place' | 'token';

/** `null`: they agree. */
export function disagreement(
  joiner: Place,
  holders: Place,
  { alone }: Pick<Holder, 'alone'>,
): Disagreement | null {
  if (joiner.port !== holders.port) return 'port';
  const open = alone && !joiner.chosen && joiner.storage === 'on';
  if (joiner.storage !== holders.storage && !open) return 'storage';
  // Whoever names the directory of a collector that runs alone, and no database, means that collector.
  const sameDir = joiner.dataDir === holders.dataDir && (alone || holders.database === null);
  const sameRows =
    joiner.schema === holders.schema &&
    (joiner.database === null ? sameDir : joiner.database === holders.database);
  if (!sameRows && !open && joiner.storage === 'on') return 'place';
  const opens = joiner.tokens.length === 0 || joiner.tokens.some((token) => holders.tokens.includes(token));
  return opens ? null : 'token';
}
