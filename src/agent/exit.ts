import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type EndingSignal = (typeof SIGNALS)[number];

/**
 * Calls `flush` once, synchronously, when the process is about to end: at a natural end, `process.exit`, an uncaught
 * exception, or a signal nobody else listens to. The app's exit code, handlers and signals stay its own.
 *
 * A signal listener takes Node's default action away, and libraries such as signal-exit count listeners to decide who
 * ends the process. So ours is only there while no other is: it leaves when the app adds one and returns when the last is
 * gone. When it is called, it flushes, removes itself and raises the signal again, so the process dies of it as before.
 *
 * A signal that the app raises itself cannot wait for a listener: where nothing else goes on, the process has come to its
 * natural end before the listener is called. So `process.kill` has a function in front that does what the listener would do.
 *
 * @returns takes everything back.
 */
export function beforeProcessEnds(flush: () => void): () => void {
  let flushed = false;
  const flushOnce = () => {
    if (flushed) return;
    flushed = true;
    flush();
  };
  const listeners = new Map(SIGNALS.map((signal) => [signal, yieldingListener(signal, flushOnce)]));
  process.on('exit', flushOnce);
  const keepKill = onOwnSignal((signal) => listeners.get(signal)?.raised());
  return () => {
    process.removeListener('exit', flushOnce);
    keepKill();
    for (const { stop } of listeners.values()) stop();
  };
}

interface YieldingListener {
  /** The process raises the signal itself. */
  raised(): void;
  stop(): void;
}

function yieldingListener(signal: EndingSignal, flush: () => void): YieldingListener {
  const onSignal = () => {
    stop();
    flush();
    process.kill(process.pid, signal);
  };
  const joined = () => process.listeners(signal).includes(onSignal);
  const others = () => process.listeners(signal).some((listener) => listener !== onSignal);
  const join = () => {
    if (!joined()) process.on(signal, onSignal);
  };
  const leave = () => {
    if (others()) process.removeListener(signal, onSignal);
  };
  const onAdded = (event: string | symbol, listener: unknown) => {
    // Not at once: the other is not added yet, and without any listener Node stops watching the signal.
    if (event === signal && listener !== onSignal) queueMicrotask(leave);
  };
  const onRemoved = (event: string | symbol, listener: unknown) => {
    if (event === signal && listener !== onSignal && !others()) join();
  };
  const stop = () => {
    process.removeListener('newListener', onAdded);
    process.removeListener('removeListener', onRemoved);
    process.removeListener(signal, onSignal);
  };
  const raised = () => {
    if (!joined() || others()) return;
    stop();
    flush();
  };
  if (!others()) join();
  process.on('newListener', onAdded);
  process.on('removeListener', onRemoved);
  return { raised, stop };
}

/** Calls `raise` before the process sends one of the signals to itself by `process.kill`. */
function onOwnSignal(raise: (signal: EndingSignal) => void): () => void {
  const kill = process.kill;
  const observed: typeof kill = function (this: NodeJS.Process, pid, signal) {
    const raised = reachesUs(pid) ? endingSignal(signal) : undefined;
    if (raised !== undefined) raise(raised);
    return Reflect.apply(kill, this, [pid, signal]);
  };
  Object.defineProperty(observed, 'name', { value: kill.name, configurable: true });
  process.kill = observed;
  return () => {
    if (process.kill === observed) process.kill = kill;
  };
}

/** The process itself, or its group, by the numbers that Node takes as they are and as text. */
function reachesUs(pid: unknown): boolean {
  return pid === 0 || Math.abs(Number(pid)) === process.pid;
}

/** As `process.kill` reads it: SIGTERM where none is named; 0 asks only whether there is a process. */
function endingSignal(signal: unknown): EndingSignal | undefined {
  if (typeof signal === 'number') return SIGNALS.find((name) => constants.signals[name] === signal);
  return SIGNALS.find((name) => name === (signal || 'SIGTERM'));
}
