/** Normal form of a query's text, which its hash is made of: NFKC, trimmed, lower case, single spaces. */
export function normalQuery(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase().replace(/\s+/gu, ' ');
}
