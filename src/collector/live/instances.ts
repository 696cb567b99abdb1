import type { DropCounts, Frame, Source } from '../../core/frame.ts';
import type { InstanceSnapshot } from '../../core/snapshot.ts';
import { MINUTE_MS } from '../../core/units.ts';

/** How long an instance that is gone stays on the list. */
const GONE_KEPT_MS = 5 * MINUTE_MS;
const INSTANCES_MAX = 500;
/** Who keeps no connection that could close is gone after so long: exporters send every minute. */
const SILENT_MAX_MS = 3 * MINUTE_MS;
/** A frame may be so late before the agent's event loop counts as blocked; below it is the noise of timers and scheduling. */
const LATE_GRACE_MS = 100;

/** One process that sends. */
export interface Instance {
  readonly source: Source;
  lastSeenMs: number;
  /** When its next frame is due, counted from then. */
  nextInMs: number;
  up: boolean;
  /** It said goodbye: nobody is to miss it. */
  ended: boolean;
  dropped: DropCounts;
}

/** The processes that send, or sent a short while ago. */
export class Instances {
  readonly #byId = new Map<string, Instance>();
  /** What agents report they could not hand over, by reason; an agent's share stays when it is gone. */
  readonly #dropped = new Map<string, number>();

  /** Those that send and those that fell silent, not those that said goodbye. */
  get all(): readonly Instance[] {
    return [...this.#byId.values()].filter(({ ended }) => !ended);
  }

  /** Whether it sends at present. */
  has(instanceId: string): boolean {
    return this.#byId.get(instanceId)?.up === true;
  }

  hasService(service: string): boolean {
    return [...this.#byId.values()].some(({ source, up }) => up && source.service === service);
  }

  /** `null`: it was gone too long ago, or never there. */
  serviceOf(instanceId: string): string | null {
    return this.#byId.get(instanceId)?.source.service ?? null;
  }

  /** Those that send at the moment. */
  get sources(): readonly Source[] {
    return [...this.#byId.values()].filter(({ up, ended }) => up && !ended).map(({ source }) => source);
  }

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** Returns false when there are too many already: the newcomer is refused. */
  join(source: Source, nowMs: number): boolean {
    if (!this.#byId.has(source.instanceId) && !this.#hasRoom()) return false;
    // An agent that comes back goes on with its running totals: what it reported before must not count again.
    const dropped = this.#byId.get(source.instanceId)?.dropped ?? {};
    const nextInMs = source.frameIntervalMs;
    this.#byId.set(source.instanceId, {
      source,
      lastSeenMs: nowMs,
      nextInMs,
      up: true,
      ended: false,
      dropped,
    });
    return true;
  }

  /** Of those that are gone, the one gone for longest makes room. */
  #hasRoom(): boolean {
    if (this.#byId.size < INSTANCES_MAX) return true;
    const gone = [...this.#byId].filter(([, { up }]) => !up);
    const [longest] = gone.sort(([, a], [, b]) => a.lastSeenMs - b.lastSeenMs);
    return longest !== undefined && this.#byId.delete(longest[0]);
  }

  saw(instanceId: string, { dropped, nextInMs }: Pick<Frame, 'dropped' | 'nextInMs'>, nowMs: number): void {
    const instance = this.#byId.get(instanceId);
    if (instance === undefined) return;
    for (const [reason, total] of Object.entries(dropped)) {
      const more = total - (instance.dropped[reason] ?? 0);
      if (more > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + more);
    }
    instance.dropped = dropped;
    instance.lastSeenMs = nowMs;
    instance.nextInMs = nextInMs ?? instance.source.frameIntervalMs;
    instance.up = true;
    instance.ended = false;
  }

  left(instanceId: string): void {
    const instance = this.#byId.get(instanceId);
    if (instance !== undefined) instance.up = false;
  }

  ended(instanceId: string): void {
    const instance = this.#byId.get(instanceId);
    if (instance !== undefined) instance.ended = true;
  }

  /** Those that should have sent something for long, and cannot be seen to leave. */
  silent(nowMs: number): string[] {
    return [...this.#byId.values()]
      .filter(
        ({ source, up, lastSeenMs }) => up && !isConnected(source) && nowMs - lastSeenMs > SILENT_MAX_MS,
      )
      .map(({ source }) => source.instanceId);
  }

  forgetGone(nowMs: number): void {
    for (const [id, instance] of this.#byId) {
      if (!instance.up && nowMs - instance.lastSeenMs > GONE_KEPT_MS) this.#byId.delete(id);
    }
  }
}

/** Requests of OTLP come one by one, and not at the pace of frames. */
function isConnected({ instrumentations }: Source): boolean {
  return !instrumentations.includes('otlp');
}

/** How late an instance's next frame is: a blocked event loop cannot say so itself. 0 when it is not. */
export function lateMs({ source, lastSeenMs, nextInMs, up }: Instance, nowMs: number): number {
  const late = nowMs - lastSeenMs - nextInMs;
  return up && isConnected(source) && late > LATE_GRACE_MS ? late : 0;
}

export function instanceSnapshot({ source, lastSeenMs, up }: Instance, nowMs: number): InstanceSnapshot {
  return {
    service: source.service,
    instance_id: source.instanceId,
    host: source.host,
    pid: source.pid,
    last_seen_seconds: Math.max(0, Math.round((nowMs - lastSeenMs) / 1000)),
    up,
  };
}
