/** What stands for an id in a path. */
const ID = ':id';
const SEGMENTS_MAX = 32;

const NUMBER = /^\d+$/;
/** Of a UUID, a hash, an object id. */
const HEX = /^(?=.*\d)[\da-f]{8,}$/i;
const UUID = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi;
/** Tokens and ids of other alphabets: long, and with digits among the letters. */
const TOKEN = /^(?=.*\d)(?=.*[a-z])[\w~.-]{16,}$/i;
/** Who it is for has no place in a name. */
const ADDRESS = /@|%40/i;
/** `room-17`, `user_42`, `doc:7f3a9c21`: a word, then an id. */
const WORD_AND_ID = /^(.*[a-z].*[-_.:=~])([\da-z]+)$/i;

/**
 * A raw path with its ids taken out: `/rooms/17/chat` is `/rooms/:id/chat`. It stands in for the template of a route where
 * there is none, as for an upgrade to a WebSocket. What ids look like is a guess: numbers, UUIDs, hashes, tokens, addresses.
 */
export function pathTemplate(path: string): string {
  const segments = path.split('/');
  const kept = segments.length > SEGMENTS_MAX ? [...segments.slice(0, SEGMENTS_MAX), '…'] : segments;
  return kept.map(withoutId).join('/');
}

function withoutId(segment: string): string {
  if (segment === '') return segment;
  if (isId(segment)) return ID;
  const plain = segment.replace(UUID, ID);
  if (plain !== segment) return plain;
  const [, word, id] = WORD_AND_ID.exec(segment) ?? [];
  if (word !== undefined && id !== undefined && (NUMBER.test(id) || HEX.test(id))) return `${word}${ID}`;
  return TOKEN.test(segment) ? ID : segment;
}

function isId(segment: string): boolean {
  return NUMBER.test(segment) || HEX.test(segment) || ADDRESS.test(segment);
}
