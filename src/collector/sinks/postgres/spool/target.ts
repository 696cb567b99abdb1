import { join } from 'node:path';
import type { SpoolFiles } from './files.ts';

/** Where the rows of a spool go, beside its segments: one directory may be used by apps that store in different places. */
const FILE = 'target';
const PRIVATE = 0o600;
const SHOWN_LENGTH_MAX = 300;

/** A spool whose rows are for somewhere else. */
export class OtherTargetError extends Error {
  readonly directory: string;
  readonly target: string;
  /** How many wait. */
  readonly batches: number;

  constructor(directory: string, target: string, batches: number) {
    super(`${directory} holds rows for ${target}`);
    this.directory = directory;
    this.target = target;
    this.batches = batches;
  }
}

/** Spools of others, each told of once. */
export class OtherTargets {
  readonly #known = new Map<string, OtherTargetError>();
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Costs less than to open it again. @throws OtherTargetError when it is known, and still another's. */
  async refuseKnown(files: SpoolFiles, directory: string, ours: string | undefined): Promise<void> {
    const known = this.#known.get(directory);
    if (known === undefined || known.target === ours) return;
    if ((await readTarget(files, directory)) === known.target) throw known;
  }

  found(other: OtherTargetError): void {
    const { directory, target, batches } = other;
    if (this.#known.get(directory)?.target !== target) this.#tell(lineOf({ directory, target, batches }));
    this.#known.set(directory, other);
  }
}

function lineOf({
  directory,
  target,
  batches,
}: Pick<OtherTargetError, 'directory' | 'target' | 'batches'>): string {
  const shown = target.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, SHOWN_LENGTH_MAX);
  return (
    `${directory} is left alone: ${batches} ${batches === 1 ? 'batch' : 'batches'} of rows wait there for ${shown}. ` +
    'Start with the NERVECENTER_DATABASE_URL and NERVECENTER_SCHEMA of that to store them there, or remove the file ' +
    `${join(directory, FILE)} to store them here.`
  );
}

/**
 * `null` where nobody has said it, as before there was more than one: then it is whoever opens it.
 *
 * @throws the file system's error when it was said and cannot be read: whose it is is not known then.
 */
export async function readTarget(files: SpoolFiles, directory: string): Promise<string | null> {
  const content = await files
    .readFile(join(directory, FILE), 'utf8')
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
  return content.endsWith('\n') ? content.slice(0, -1) : null;
}

/** Whole or not at all, and on the disk before the first segment is. @throws the file system's error. */
export async function writeTarget(files: SpoolFiles, directory: string, target: string): Promise<void> {
  const temporary = join(directory, `${FILE}.new`);
  await files.writeFile(temporary, `${target}\n`, { mode: PRIVATE, flush: true });
  await files.rename(temporary, join(directory, FILE));
}
