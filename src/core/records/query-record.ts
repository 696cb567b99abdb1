import type { RagQueryEvent } from '../signals/rag-query.ts';
import { SPAN_BYTES, TRACE_BYTES } from './layout.ts';
import { numberNames, writeNumbers } from './numbers.ts';
import type { RecordOutput } from './record-output.ts';

/** Writes a query as `writeEvent` does, without a look-up by name. @returns false where it does not fit. */
export function writeRagQuery(records: RecordOutput, event: RagQueryEvent): boolean {
  const signal = records.numberOf('rag-query');
  const userEmail = records.numberOf(event.userEmail);
  const department = records.numberOf(event.department);
  numberNames(records, event.stages, 0);
  const outcome = records.numberOf(event.outcome);
  const errorType = records.numberOf(event.errorType);
  records.open(signal);
  records.uuid(event.id);
  records.number(event.timeMs);
  records.id(event.traceId, TRACE_BYTES);
  records.name(userEmail);
  records.name(department);
  records.id(event.parentSpanId, SPAN_BYTES);
  records.flag(event.sampled);
  records.number(event.durationMs);
  writeNumbers(records, event.stages, 0);
  records.number(event.chunksRetrieved);
  records.number(event.chunksUsed);
  records.flag(event.cacheHit);
  records.flag(event.embeddingCacheHit);
  records.number(event.topScore);
  records.number(event.avgScore);
  records.number(event.threshold);
  records.text(event.queryHash);
  records.name(outcome);
  records.name(errorType);
  return records.close();
}
