/** As deep as anybody writes by hand, several times over. */
const DEPTH_MAX = 32;
const [QUOTE, BACKSLASH, ...BRACKETS] = [...'"\\[{]}'].map((character) => character.charCodeAt(0));
const [LIST, OBJECT] = BRACKETS;

/**
 * JSON that somebody sent: as `JSON.parse`, but for lists and objects that are in each other past 32 deep, on which whoever
 * walks through them would run out of stack.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted && code === BACKSLASH) at++;
    else if (code === QUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (code === LIST || code === OBJECT) depth++;
    else if (BRACKETS.includes(code)) depth--;
    if (depth > DEPTH_MAX) throw new SyntaxError(`more than ${DEPTH_MAX} lists and objects in each other`);
  }
  return JSON.parse(text);
}
