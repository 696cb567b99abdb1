import { HOUR_MS } from '../units.ts';

/**
 * - `ok`: the condition does not hold
 * - `pending`: it holds, not yet for as long as the rule asks
 * - `firing`: it has held for that long
 * - `resolved`: it fired and holds no more; after an hour `ok` again
 */
export type AlertState = 'ok' | 'pending' | 'firing' | 'resolved';

/** One rule for one group. Times in milliseconds since 1970. */
export interface AlertInstance {
  readonly state: AlertState;
  /** When the state began. */
  readonly sinceMs: number;
  /** What the measure was last; `null` without anything to measure. */
  readonly value: number | null;
  /** How many of the rule's limits are reached now. */
  readonly level: number;
  /** The highest level of this firing; 0 unless it fires. */
  readonly peak: number;
  /** The highest level of this firing that somebody was told of; 0 for none. */
  readonly notified: number;
}

export interface Observation {
  readonly level: number;
  readonly value: number | null;
  readonly nowMs: number;
  /** How long the condition must hold. */
  readonly forMs: number;
  /** Nobody wants to be told of it now. */
  readonly silenced: boolean;
}

export type AlertChange = 'firing' | 'escalated' | 'resolved';

export interface AlertStep {
  readonly next: AlertInstance;
  /** What goes into the history. */
  readonly change: AlertChange | null;
  /** What somebody is told. What was told to fire is told to be resolved, silenced or not. */
  readonly notice: 'firing' | 'resolved' | null;
}

const RESOLVED_SHOWN_MS = HOUR_MS;

export function firstInstance(nowMs: number): AlertInstance {
  return { state: 'ok', sinceMs: nowMs, value: null, level: 0, peak: 0, notified: 0 };
}

/** What follows from one look at the measure. Pure; a clock that was set back makes nothing wait longer than `forMs`. */
export function stepAlert(before: AlertInstance, seen: Observation): AlertStep {
  const previous = before.sinceMs > seen.nowMs ? { ...before, sinceMs: seen.nowMs } : before;
  return seen.level > 0 ? holds(previous, seen) : holdsNot(previous, seen);
}

function holds(previous: AlertInstance, seen: Observation): AlertStep {
  const { level, value, nowMs, forMs, silenced } = seen;
  const began = previous.state === 'pending' ? previous.sinceMs : nowMs;
  const fires = previous.state === 'firing' || nowMs - began >= forMs;
  if (!fires) {
    const next: AlertInstance = { state: 'pending', sinceMs: began, value, level, peak: 0, notified: 0 };
    return { next, change: null, notice: null };
  }
  const wasFiring = previous.state === 'firing';
  const tells = level > previous.notified && !silenced;
  const next: AlertInstance = {
    state: 'firing',
    sinceMs: wasFiring ? previous.sinceMs : nowMs,
    value,
    level,
    peak: Math.max(previous.peak, level),
    notified: tells ? level : previous.notified,
  };
  const rises = wasFiring && level > previous.peak ? 'escalated' : null;
  return { next, change: wasFiring ? rises : 'firing', notice: tells ? 'firing' : null };
}

function holdsNot(previous: AlertInstance, { value, nowMs }: Observation): AlertStep {
  const rest = { value, level: 0, peak: 0, notified: 0 };
  if (previous.state === 'firing') {
    const notice = previous.notified > 0 ? 'resolved' : null;
    return { next: { ...rest, state: 'resolved', sinceMs: nowMs }, change: 'resolved', notice };
  }
  const isStill =
    previous.state === 'ok' ||
    (previous.state === 'resolved' && nowMs - previous.sinceMs < RESOLVED_SHOWN_MS);
  const next: AlertInstance = isStill
    ? { ...rest, state: previous.state, sinceMs: previous.sinceMs }
    : { ...rest, state: 'ok', sinceMs: nowMs };
  return { next, change: null, notice: null };
}

const ORDER: readonly AlertState[] = ['ok', 'resolved', 'pending', 'firing'];

/** What a rule is said to be: the most urgent state of its groups. */
export function worstState(states: Iterable<AlertState>): AlertState {
  let worst: AlertState = 'ok';
  for (const state of states) if (ORDER.indexOf(state) > ORDER.indexOf(worst)) worst = state;
  return worst;
}
