const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Calls `flush` once, synchronously, when the process is about to end: at a natural end, `process.exit`, an uncaught
 * exception, or a signal nobody else listens to. The app's exit code, handlers and signals stay its own.
 *
 * A signal listener takes Node's default action away, and libraries such as signal-exit count listeners to decide who
 * ends the process. So ours is only there while no other is: it leaves when the app adds one and returns when the last is
 * gone. When it is called, it flushes, removes itself and raises the signal again, so the process dies of it as before.
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
  const undos = SIGNALS.map((signal) => yieldingListener(signal, flushOnce));
  process.on('exit', flushOnce);
  return () => {
    process.removeListener('exit', flushOnce);
    for (const undo of undos) undo();
  };
}

function yieldingListener(signal: NodeJS.Signals, flush: () => void): () => void {
  const onSignal = () => {
    stop();
    flush();
    process.kill(process.pid, signal);
  };
  const others = () => process.listeners(signal).some((listener) => listener !== onSignal);
  const join = () => {
    if (!process.listeners(signal).includes(onSignal)) process.on(signal, onSignal);
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
  if (!others()) join();
  process.on('newListener', onAdded);
  process.on('removeListener', onRemoved);
  return stop;
}
