/** More differences than this, and it is another word. */
const DIFFERENCES_MAX = 4;
/** Longer ones are nobody's typing error, and comparing takes the product of both lengths. */
const LENGTH_MAX = 100;

/** Which of the names somebody may have meant: the one with the fewest letters to add, drop or exchange; `null`: none. */
export function nearestName(text: string, names: readonly string[]): string | null {
  let [nearest, fewest]: [string | null, number] = [null, DIFFERENCES_MAX + 1];
  for (const name of text.length > LENGTH_MAX ? [] : names) {
    const differences = differencesBetween(text, name);
    if (differences < fewest) [nearest, fewest] = [name, differences];
  }
  return nearest;
}

/** Levenshtein's distance. */
function differencesBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const exchanged = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(exchanged, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
