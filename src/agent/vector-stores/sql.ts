import { forgetMatchedText } from '../forget-matched-text.ts';

/** Distance operators of pgvector for numbers: Euclidean, cosine, inner product, taxicab. */
const OPERATOR = /<(?:->|=>|#>|\+>)/;
/** Longer statements are not looked at; a vector of 4,000 numbers written into one takes 80,000. */
const STATEMENT_CHARS_MAX = 1024 * 1024;
/** What may hold the same characters and means something else: literals, quoted names, comments. Each ends at the end. */
const NOT_CODE = /'[^']*(?:'|$)|"[^"]*(?:"|$)|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)/g;

/** Whether a statement compares vectors with an operator of pgvector. Nothing of its text is kept. */
export function searchesVectors(statement: string): boolean {
  if (statement.length > STATEMENT_CHARS_MAX || !OPERATOR.test(statement)) return false;
  const searches = OPERATOR.test(statement.replace(NOT_CODE, ' '));
  forgetMatchedText();
  return searches;
}
