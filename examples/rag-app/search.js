// Vector search over the handbook: sqlite-vec in an in-memory SQLite database.
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { load } from 'sqlite-vec';
import { DIMENSIONS, embedAll } from './models.js';

/**
 * @typedef {{ id: string, title: string, text: string }} Document
 * @typedef {{ document: Document, score: number }} Hit `score` is the cosine similarity, 1 at most
 */

const NEIGHBOURS = 8;
const RANKED_MAX = 3;
/** Below this similarity a paragraph has nothing to do with the question. */
export const THRESHOLD = 0.18;

/** @type {Document[]} */
export const documents = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8'));

const database = new DatabaseSync(':memory:', { allowExtension: true });
load(database);
database.enableLoadExtension(false);
database.exec(
  `create virtual table chunks using vec0(embedding float[${DIMENSIONS}] distance_metric=cosine)`,
);
const nearest = database.prepare('select rowid, distance from chunks where embedding match ? and k = ?');

/** Embeds the handbook and fills the index; a document's row number is its place in the list, from 1. */
export async function buildIndex() {
  const vectors = await embedAll(documents.map(({ title, text }) => `${title}\n${text}`));
  const insert = database.prepare('insert into chunks (rowid, embedding) values (?, ?)');
  vectors.forEach((vector, index) => {
    insert.run(BigInt(index + 1), new Uint8Array(vector.buffer));
  });
}

/**
 * @param {Float32Array} vector
 * @returns {Hit[]} the best first
 */
export function search(vector) {
  return nearest
    .all(new Uint8Array(vector.buffer), NEIGHBOURS)
    .map((row) => ({ document: documents[Number(row.rowid) - 1], score: 1 - Number(row.distance) }))
    .filter((hit) => hit.score >= THRESHOLD);
}

/**
 * Orders hits by similarity and by how many of the question's words they hold: a title that says the same counts double.
 *
 * @param {string} question
 * @param {Hit[]} hits
 * @returns {Hit[]} the few worth showing to the model
 */
export function rerank(question, hits) {
  const words = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [])];
  const share = (/** @type {string} */ text) =>
    words.filter((word) => text.toLowerCase().includes(word)).length / Math.max(1, words.length);
  return hits
    .map((hit) => ({
      hit,
      rank: 0.6 * hit.score + 0.25 * share(hit.document.title) + 0.15 * share(hit.document.text),
    }))
    .sort((a, b) => b.rank - a.rank)
    .slice(0, RANKED_MAX)
    .map(({ hit }) => hit);
}
