// One question from text to answer. `ragQuery` and its stages are the only lines here that nervecenter asks for.
import { LRUCache } from 'lru-cache';
import { ragQuery } from 'nervecenter';
import { embedAll, summarise, writers } from './models.js';
import { rerank, search, THRESHOLD } from './search.js';

/**
 * @typedef {import('./search.js').Document} Document
 * @typedef {import('./search.js').Hit} Hit
 * @typedef {{ text: string, sources: string[], cached?: boolean }} Answer
 */

const HOUR_MS = 60 * 60 * 1000;
const SYSTEM =
  'You answer questions about the Hearth 9 heat pump. Use only the paragraphs you are given, in at most four sentences.';
const NOTHING_FOUND = { text: 'The handbook says nothing about that.', sources: [] };

/** @type {LRUCache<string, Answer>} */
const answers = new LRUCache({ max: 500, ttl: HOUR_MS / 6 });
/** @type {LRUCache<string, Float32Array>} */
const vectors = new LRUCache({
  maxSize: 4_000_000,
  sizeCalculation: (vector) => vector.byteLength,
  ttl: HOUR_MS,
});
/** @type {LRUCache<string, string>} */
const summaries = new LRUCache({ max: 100, ttl: HOUR_MS });

/**
 * Answers a question from the handbook.
 *
 * @param {object} request
 * @param {string} request.question
 * @param {string} request.style one of `fast`, `chat`, `careful`
 * @param {{ userEmail?: string, department?: string }} request.user
 * @param {AbortSignal} request.signal
 * @param {(token: string) => void} [request.onToken] set: the answer is streamed to it
 * @returns {Promise<Answer>}
 */
export function ask({ question, style, user, signal, onToken }) {
  return ragQuery({ query: question, ...user }, async (query) => {
    const key = `rag:${style}:${normalised(question)}`;
    const known = answers.get(key);
    if (known) {
      onToken?.(known.text);
      return { ...known, cached: true };
    }
    const vector = await query.stage('embedding', () => embed(question, signal));
    const hits = await query.stage('vector_search', () => search(vector));
    const ranked = await query.stage('rerank', () => rerank(question, hits));
    query.result({
      chunksRetrieved: hits.length,
      chunksUsed: ranked.length,
      ...scores(hits),
      threshold: THRESHOLD,
    });
    if (ranked.length === 0) {
      onToken?.(NOTHING_FOUND.text);
      return NOTHING_FOUND;
    }
    const writing = { system: SYSTEM, prompt: prompt(question, ranked), signal, onToken };
    const text = await query.stage('generation', () => writers[style](writing));
    const answer = { text, sources: ranked.map(({ document }) => document.id) };
    answers.set(key, answer);
    return answer;
  });
}

/** @param {Document} document */
export async function summaryOf(document) {
  const key = `summary:${document.id}`;
  const summary = summaries.get(key) ?? (await summarise(document.text));
  summaries.set(key, summary);
  return summary;
}

/** @param {string} question @param {AbortSignal} signal */
async function embed(question, signal) {
  const key = `emb:${normalised(question)}`;
  const known = vectors.get(key);
  if (known) return known;
  const [vector] = await embedAll([question], signal);
  vectors.set(key, vector);
  return vector;
}

/** @param {string} question */
function normalised(question) {
  return question.normalize('NFKC').trim().toLowerCase().replace(/\s+/g, ' ');
}

/** @param {Hit[]} hits */
function scores(hits) {
  if (hits.length === 0) return {};
  return { topScore: hits[0].score, avgScore: hits.reduce((sum, { score }) => sum + score, 0) / hits.length };
}

/** @param {string} question @param {Hit[]} ranked */
function prompt(question, ranked) {
  const context = ranked.map(({ document }) => `## ${document.title}\n${document.text}`).join('\n\n');
  return `${context}\n\nQuestion: ${question}`;
}
