import { logToStderr } from '../collector/log.ts';
import { createPricer } from '../collector/pricing/pricer.ts';
import { type RepriceTotals, reprice } from '../collector/sinks/postgres/reprice.ts';
import { schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { NervecenterError } from '../core/errors.ts';
import { parseInstant } from '../core/history/time.ts';
import { writeToStderr } from '../platform/stderr.ts';
import { type OpenDatabase, withDatabase } from './with-database.ts';

const PROGRESS_ROWS = 100_000;
/** What a shell says of a program that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

export interface RepriceCommandOptions {
  readonly from: string | null;
  /** @default now */
  readonly to: string | null;
  /** Say what would change, and change nothing. */
  readonly dryRun: boolean;
}

/** Recomputes the stored cost of model calls with today's prices, and says what that changed. */
export async function repriceCommand(options: RepriceCommandOptions): Promise<number> {
  const nowMs = Date.now();
  const fromMs = instantOf('--from', options.from, nowMs);
  const toMs = options.to === null ? nowMs : instantOf('--to', options.to, nowMs);
  if (fromMs >= toMs) {
    throw new NervecenterError(
      'NC_CONFIG_INVALID',
      `--from: expected a time before --to, got ${new Date(fromMs).toISOString()} and ${new Date(toMs).toISOString()}. Exchange them.`,
    );
  }
  const interruption = new Interruption();
  try {
    await withDatabase((database) =>
      repriceStored(database, { fromMs, toMs, dryRun: options.dryRun, interruption }),
    );
  } finally {
    interruption.forget();
  }
  return interruption.happened ? EXIT_INTERRUPTED : 0;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly dryRun: boolean;
  readonly interruption: Interruption;
}

async function repriceStored(
  { client, config, description }: OpenDatabase,
  { interruption, ...span }: Span,
): Promise<void> {
  const { pending } = await schemaStatus(client);
  if (pending.length > 0) {
    throw new NervecenterError(
      'NC_STORAGE_REFUSED',
      `${description} lacks ${pending.length} migrations. Run \`nervecenter migrate\` first.`,
    );
  }
  const pricer = createPricer({ overridesPath: config.pricesPath, log: logToStderr });
  let nextProgress = PROGRESS_ROWS;
  const totals = await reprice(client, {
    ...span,
    price: (call) => pricer.price(call),
    stopped: () => interruption.happened,
    onProgress(soFar) {
      if (soFar.rows < nextProgress) return;
      nextProgress = soFar.rows + PROGRESS_ROWS;
      writeToStderr(`${soFar.rows} calls, up to ${soFar.reached}\n`);
    },
  });
  process.stdout.write(`${summary(totals, pricer.version, span.dryRun)}\n${description}\n`);
}

function summary(totals: RepriceTotals, version: string, dryRun: boolean): string {
  const { rows, changed, reported, unpriced, beforeUsd, afterUsd, reached } = totals;
  const lines = [
    `${rows} calls priced with ${version}: ${changed} ${dryRun ? 'would change' : 'changed'}`,
    `cost before ${beforeUsd.toFixed(6)} USD, after ${afterUsd.toFixed(6)} USD`,
    ...(reported > 0 ? [`${reported} keep what the provider billed`] : []),
    ...(unpriced > 0 ? [`${unpriced} have no known price and stay as they are`] : []),
    ...(reached === null ? [] : [`interrupted; go on with --from=${reached}`]),
  ];
  return lines.join('\n');
}

function instantOf(option: string, text: string | null, nowMs: number): number {
  const instant = text === null ? null : parseInstant(text, nowMs, 'UTC');
  if (instant !== null) return instant;
  throw new NervecenterError(
    'NC_CONFIG_INVALID',
    `${option}: expected a date or time such as 2026-11-01, 2026-11-01T10:00:00Z or -24h, got ${text === null ? 'nothing' : `"${text}"`}. For example --from=2026-11-01 --to=2026-11-08.`,
  );
}

/** Whether somebody wants the command to end: the first signal lets the batch under way finish, a second one does not. */
class Interruption {
  happened = false;
  readonly #note = () => {
    this.happened = true;
  };

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, this.#note);
  }

  forget(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.#note);
  }
}
