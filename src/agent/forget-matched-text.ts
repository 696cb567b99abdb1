const EMPTY = /^/;

/**
 * Makes the engine forget the text that a pattern matched last: it keeps that (`RegExp.input`) until the next match. Called
 * after patterns have looked at what must not be kept.
 */
export function forgetMatchedText(): void {
  EMPTY.test('');
}
