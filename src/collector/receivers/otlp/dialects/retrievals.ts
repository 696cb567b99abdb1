import { createHash } from 'node:crypto';
import { normalQuery } from '../../../../core/rag/normal-query.ts';
import type { OtlpValue } from '../model.ts';
import type { RetrievalFacts } from './dialect.ts';
import { listOf } from './values.ts';

/** Longest question that is hashed; what is longer is a document. */
const QUESTION_CHARS_MAX = 65_536;
/** Under which a framework's retriever has its question, where it says its whole input. */
const QUESTION_FIELDS = ['query', 'input', 'question'];

/** What a retrieval found, by the documents it lists with their scores (`gen_ai.retrieval.documents`). */
export function documentsFound(
  documents: OtlpValue | undefined,
  question: OtlpValue | undefined,
): RetrievalFacts {
  const list = listOf(documents);
  const scores: number[] = [];
  for (const document of list ?? []) {
    const score = isFields(document) ? document['score'] : undefined;
    if (typeof score === 'number' && Number.isFinite(score)) scores.push(score);
  }
  return found(list?.length ?? null, scores, hashOfQuestion(question));
}

function isFields(value: OtlpValue): value is { readonly [key: string]: OtlpValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param scores in the order of the documents, best first, as stores give them. */
export function found(
  chunks: number | null,
  scores: readonly number[],
  queryHash: string | null,
): RetrievalFacts {
  const [top] = scores;
  const average = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { chunks, scores: top === undefined ? null : { top, average }, queryHash };
}

/** SHA-256 of a question's normal form, in hex; `null` where there is no question. */
export function hashOfQuestion(value: OtlpValue | undefined): string | null {
  if (typeof value !== 'string' || value === '' || value.length > QUESTION_CHARS_MAX) return null;
  const question = value.startsWith('{') ? questionIn(value) : value;
  return question === null ? null : createHash('sha256').update(normalQuery(question)).digest('hex');
}

function questionIn(json: string): string | null {
  try {
    const input = JSON.parse(json) as Record<string, unknown>;
    const question = QUESTION_FIELDS.map((field) => input[field]).find((text) => typeof text === 'string');
    return typeof question === 'string' ? question : null;
  } catch {
    return json; // A question that begins with a brace.
  }
}
