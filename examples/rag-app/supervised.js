/**
 * For the programs that `npm start` runs beside the app: says where this one is reachable, and ends when the starter does.
 *
 * @param {object} message
 */
export function reportReady(message) {
  if (!process.send) return;
  process.send(message);
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches every process of a terminal at once; the starter says when it is this one's turn.
  process.on('SIGINT', () => {});
}
