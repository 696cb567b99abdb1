// What stands in for intelligence in the stub: token counts, vectors and answers made from words alone.

const STOP_WORDS = new Set(
  (
    'a about an and are as at be but by can do does explain for from go has have how i if in into is it its know me mean my ' +
    'need no not of on or our should so tell that the their then there they this to was we what when where which who why ' +
    'will with work wrong you your'
  ).split(' '),
);
const OPENINGS = ['', 'In short: ', 'The handbook says this. ', 'Here is what applies: '];
const SENTENCES_MAX = 4;
const TRIGRAM_WEIGHT = 0.25;

/** Splits text as a tokenizer would, about four characters a piece; the pieces add up to the text. @param {string} text */
export function tokens(text) {
  return text.match(/\s?[^\s]{1,6}|\s/g) ?? [];
}

/** Words that carry meaning, without their commonest endings. @param {string} text */
function words(text) {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > 4 ? word.replace(/(ing|ed|es|s|e)$/, '') : word));
}

/** FNV-1a, 32 bits. @param {string} text */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/**
 * A hashed bag of words, and of their trigrams at a lower weight, so that texts about the same thing are near each other.
 *
 * @param {string} text
 * @param {number} dimensions
 * @returns {Float32Array} of length 1 (Euclidean)
 */
export function embedding(text, dimensions) {
  const vector = new Float32Array(dimensions);
  const add = (/** @type {string} */ feature, /** @type {number} */ weight) => {
    const place = hash(feature);
    vector[place % dimensions] += place & 0x10000 ? weight : -weight;
  };
  for (const [word, count] of counted(words(text))) {
    const weight = 1 + Math.log(count);
    add(word, weight);
    for (let i = 0; i + 3 <= word.length; i++) add(`#${word.slice(i, i + 3)}`, weight * TRIGRAM_WEIGHT);
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** @param {string[]} items */
function counted(items) {
  const counts = new Map();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/**
 * Answers with the sentences of the prompt that share most words with its last line, the question.
 *
 * @param {string} prompt
 */
export function answerTo(prompt) {
  const lines = prompt.trim().split('\n');
  const question = lines.length > 1 ? (lines.pop() ?? '') : '';
  const asked = new Set(words(question));
  const sentences = lines
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.match(/[^.!?]+[.!?]+/g) ?? []);
  const best = sentences
    .map((text, place) => ({
      text: text.trim(),
      place,
      shared: words(text).filter((word) => asked.has(word)).length,
    }))
    .sort((a, b) => b.shared - a.shared || a.place - b.place)
    .slice(0, question === '' ? 1 : SENTENCES_MAX)
    .sort((a, b) => a.place - b.place);
  if (best.length === 0) return 'I do not know.';
  return OPENINGS[hash(question) % OPENINGS.length] + best.map(({ text }) => text).join(' ');
}
