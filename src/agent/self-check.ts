import { describeError } from '../core/errors.ts';
import { MINUTE_MS } from '../core/units.ts';
import { type Agent, type Instrumentation, variantOf } from './instrumentation.ts';
import { startedWhole, undoable } from './modules/undoable.ts';

/** Who fails so often within a minute is at odds with a version or a patch of the app's, and will go on to. */
const FAILURES_MAX = 10;

/**
 * Starts what observes the app's libraries, and turns off what cannot start or fails again and again: it costs the app time
 * for nothing. What one had done before its start failed is taken back. The others go on. Each that is off is said once, and counted.
 *
 * @returns stops all of them: what is still open, such as a call that streams, becomes an event when its instrumentation does.
 */
export function startChecked(agent: Agent, instrumentations: readonly Instrumentation[]): () => void {
  const stops = instrumentations.map((instrumentation) => startOne(agent, instrumentation));
  return () => {
    for (const stop of stops.splice(0).reverse()) stop();
  };
}

function startOne(agent: Agent, instrumentation: Instrumentation): () => void {
  const { name } = instrumentation;
  let undo: (() => void) | null = null;
  const stop = () => {
    const undoing = undo;
    undo = null;
    try {
      undoing?.();
    } catch (error) {
      agent.warnOnce('agent', `the agent failed: ${describeError(error)}`);
    }
  };
  const turnOff = (why: string) => {
    agent.gaveUp('instrumentation_off');
    agent.warnOnce(
      `off:${name}`,
      `${name} is turned off until the next start: ${why}. The app is not affected; what it does with it is not seen.`,
    );
    // Not in the middle of the app's call that it failed in.
    setImmediate(stop).unref();
  };
  const fails = failing(agent, turnOff);
  try {
    const failed: Agent['failed'] = (key, what, error) => {
      agent.failed(key, what, error);
      fails(error);
    };
    const beforeEnd: Agent['beforeEnd'] = (work) => undoable(agent.beforeEnd(work));
    undo = startedWhole(() => instrumentation.start(variantOf(agent, { failed, beforeEnd })));
  } catch (error) {
    turnOff(`it could not start (${describeError(error)})`);
  }
  return stop;
}

/** Turns off once, at the failure that is one too many. */
function failing({ clock }: Agent, turnOff: (why: string) => void): (error: unknown) => void {
  let failures = 0;
  let sinceMs = clock.monotonicMs();
  let isOff = false;
  return (error) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - sinceMs > MINUTE_MS) [failures, sinceMs] = [0, nowMs];
    failures++;
    if (failures < FAILURES_MAX || isOff) return;
    isOff = true;
    turnOff(`it failed ${FAILURES_MAX} times within a minute, the last time with ${describeError(error)}`);
  };
}
