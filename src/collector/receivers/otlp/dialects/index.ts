import type { OtlpSpan } from '../model.ts';
import type { SpanDialect, SpanRole } from './dialect.ts';
import { genAi } from './gen-ai.ts';
import { httpServer } from './http-server.ts';
import { nervecenter } from './nervecenter.ts';
import { openInference } from './openinference.ts';
import { openLlmetry } from './openllmetry.ts';
import { vectorStores } from './vector-stores.ts';
import { vercel } from './vercel.ts';

/** *** ADD A DIALECT HERE *** Who has names of its own comes before who shares those of the conventions. */
export const SPAN_DIALECTS: readonly SpanDialect[] = [
  httpServer,
  nervecenter,
  vercel,
  openInference,
  openLlmetry,
  vectorStores,
  genAi,
];

/** The attributes of spans that the dialects read: all others can be skipped over. */
export const DIALECT_KEYS: ReadonlySet<string> = new Set(SPAN_DIALECTS.flatMap(({ keys }) => keys));

/** What a span is, and by which dialect. */
export interface SpanReading {
  readonly role: SpanRole;
  readonly dialect: SpanDialect;
}

/** One of each, so that reading a span makes no object. */
const READINGS = new Map(SPAN_DIALECTS.map((dialect) => [dialect, readingsOf(dialect)]));

function readingsOf(dialect: SpanDialect): Readonly<Record<SpanRole, SpanReading>> {
  const reading = (role: SpanRole): SpanReading => ({ role, dialect });
  return {
    request: reading('request'),
    call: reading('call'),
    rollup: reading('rollup'),
    retrieval: reading('retrieval'),
    query: reading('query'),
    stage: reading('stage'),
    session: reading('session'),
    tool: reading('tool'),
  };
}

/** `null`: nothing that rows are made of. */
export function readSpan(span: OtlpSpan): SpanReading | null {
  for (const dialect of SPAN_DIALECTS) {
    const role = dialect.roleOf(span);
    if (role !== null) return READINGS.get(dialect)?.[role] ?? null;
  }
  return null;
}
