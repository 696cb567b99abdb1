/**
 * For the programs that `npm start` runs beside the app: says where this one is reachable, and ends when the starter does.
 *
 * @param {object} message
 * @param {() => void} [onAbandoned] last act when the starter was killed without being able to stop anything
 */
export function reportReady(message, onAbandoned) {
  if (!process.send) return;
  process.once('disconnect', () => {
    onAbandoned?.();
    process.exit();
  });
  // Ctrl-C reaches every process of a terminal at once; the starter says when it is this one's turn.
  process.on('SIGINT', () => {});
  process.send(message);
}
