import { MINUTE_MS, type Milliseconds } from '../../core/units.ts';
import { nodeZlib } from '../../platform/builtins.ts';
import { newTraceId } from '../../platform/ids.ts';
import type { Agent, Clock } from '../instrumentation.ts';
import type { WireRequest } from '../wire/exchange.ts';

/** One try of an operation. All tries of it have its trace. */
export interface Attempt {
  readonly traceId: string;
  /** 0 the first try, 1 the first retry. */
  readonly number: number;
}

/** What tells one operation from another: where it goes, what for, and a checksum of what is sent. */
export interface Operation {
  /** Trace that the app is in, or of the surrounding work; `null` outside any, where each operation gets its own. */
  readonly traceId: string | null;
  readonly host: string;
  readonly path: string;
  readonly bodyChecksum: number;
  /** When this try began: what failed later is no earlier try. */
  readonly startMs: Milliseconds;
}

interface Failure {
  readonly place: string;
  readonly attempt: Attempt;
  readonly timeMs: Milliseconds;
}

/** Failures that may be tried again, at most; the oldest is forgotten first, and its retry counts as a first try. */
const FAILURES_MAX = 1000;
/** SDKs wait half a second to a minute before they try again. */
const RETRY_WITHIN_MS = 2 * MINUTE_MS;

/**
 * Finds out which call is a retry of which. SDKs send the same bytes to the same place again: a call that does what a
 * failed one did, within two minutes and as part of the same work, is its next attempt. No SDK has to say so, but where one
 * counts (`x-stainless-retry-count`, AWS' `amz-sdk-request`) its word also links bodies that differ, as multipart ones do.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #gaveUp: Agent['gaveUp'];
  readonly #failures = new Map<string, Failure[]>();
  #size = 0;

  /** Failures that may still be tried again, at most 1,000. */
  get size(): number {
    return this.#size;
  }

  constructor({ clock, gaveUp }: Pick<Agent, 'clock' | 'gaveUp'>) {
    this.#clock = clock;
    this.#gaveUp = gaveUp;
  }

  /** @param announced which try the SDK says this is, `null` when it does not count. */
  begin(operation: Operation, announced: number | null): Attempt {
    if (this.#size > 0) this.#forgetOld();
    const before = this.#size === 0 ? undefined : this.#take(operation, announced);
    return {
      traceId: operation.traceId ?? before?.traceId ?? newTraceId(this.#clock.epochMs()),
      number: Math.max(announced ?? 0, before === undefined ? 0 : before.number + 1),
    };
  }

  /** An attempt failed in a way that SDKs try again. */
  failed(operation: Operation, attempt: Attempt): void {
    this.#forgetOld();
    if (this.#size >= FAILURES_MAX) this.#forgetOldest();
    const key = keyOf(operation);
    const failures = this.#failures.get(key) ?? [];
    failures.push({ place: placeOf(operation), attempt, timeMs: this.#clock.monotonicMs() });
    this.#failures.set(key, failures);
    this.#size++;
  }

  #take(operation: Operation, announced: number | null): Attempt | undefined {
    const key = keyOf(operation);
    const own = this.#fresh(key)?.[0];
    const known = own !== undefined && own.timeMs <= operation.startMs;
    const found = known ? key : this.#announcedBefore(operation, announced);
    if (found === undefined) return undefined;
    const failures = this.#failures.get(found) ?? [];
    const taken = failures.shift();
    if (taken !== undefined) this.#size--;
    if (failures.length === 0) this.#failures.delete(found);
    return taken?.attempt;
  }

  /** A retry by the SDK's own word whose bytes are not those of the attempt before: the one in this place with that number. */
  #announcedBefore(operation: Operation, announced: number | null): string | undefined {
    if (announced === null || announced === 0) return undefined;
    const place = placeOf(operation);
    for (const key of this.#failures.keys()) {
      const first = this.#fresh(key)?.[0];
      if (first?.place !== place || first.timeMs > operation.startMs) continue;
      if (first.attempt.number === announced - 1) return key;
    }
    return undefined;
  }

  /** The failures of a key that are not too old. */
  #fresh(key: string): readonly Failure[] | undefined {
    const failures = this.#failures.get(key);
    const oldestMs = this.#clock.monotonicMs() - RETRY_WITHIN_MS;
    while (failures?.[0] !== undefined && failures[0].timeMs < oldestMs) {
      failures.shift();
      this.#size--;
    }
    return failures;
  }

  #forgetOld(): void {
    for (const key of this.#failures.keys()) {
      if (this.#fresh(key)?.length !== 0) break;
      this.#failures.delete(key);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#failures.keys();
    if (oldest === undefined) return;
    const lost = this.#failures.get(oldest)?.length ?? 0;
    this.#failures.delete(oldest);
    this.#size -= lost;
    this.#gaveUp('retries_forgotten', lost);
  }
}

function placeOf({ traceId, host, path }: Operation): string {
  return `${traceId ?? ''} ${host} ${path}`;
}

function keyOf(operation: Operation): string {
  return `${operation.bodyChecksum} ${placeOf(operation)}`;
}

/** One call's place among the tries of its operation. */
export class CallAttempt {
  readonly #attempts: Attempts;
  readonly #announced: number | null;
  readonly #host: string;
  readonly #path: string;
  readonly #traceId: string | null;
  readonly #startMs: Milliseconds;
  #bodyChecksum = 0;
  #attempt: Attempt | null = null;
  #failed = false;

  /** @param began when the call did, and in which trace: the app's, or that of the work; `null` outside any. */
  constructor(
    attempts: Attempts,
    request: WireRequest,
    began: { readonly traceId: string | null; readonly startMs: Milliseconds },
  ) {
    this.#attempts = attempts;
    this.#announced = announcedAttempt((name) => request.header(name));
    this.#host = request.host;
    // Without the query, which may hold a key.
    this.#path = request.path.split('?', 1)[0] ?? '';
    this.#traceId = began.traceId;
    this.#startMs = began.startMs;
  }

  sent(chunk: Uint8Array): void {
    this.#bodyChecksum = nodeZlib().crc32(chunk, this.#bodyChecksum);
  }

  /** To be asked once the request is sent. */
  get current(): Attempt {
    this.#attempt ??= this.#attempts.begin(this.#operation, this.#announced);
    return this.#attempt;
  }

  /** It failed in a way that SDKs try again. */
  failed(): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#attempts.failed(this.#operation, this.current);
  }

  get #operation(): Operation {
    return {
      traceId: this.#traceId,
      host: this.#host,
      path: this.#path,
      bodyChecksum: this.#bodyChecksum,
      startMs: this.#startMs,
    };
  }
}

/** AWS counts from 1: `attempt=2; max=3`. */
const AWS_ATTEMPT = /\battempt=(\d{1,3})\b/;

/** Which try the SDK says a request is, 0 the first; `null` when it does not count. */
export function announcedAttempt(header: (name: string) => string | null): number | null {
  const retries = header('x-stainless-retry-count');
  if (retries !== null && /^\d{1,3}$/.test(retries)) return Number(retries);
  const attempt = AWS_ATTEMPT.exec(header('amz-sdk-request') ?? '')?.[1];
  return attempt === undefined ? null : Math.max(0, Number(attempt) - 1);
}

/** Whether SDKs try again after such an answer. */
export function isRetried(statusCode: number): boolean {
  return statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
}
