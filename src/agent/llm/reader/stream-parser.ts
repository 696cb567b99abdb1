import { AwsEventStreamParser } from './aws-event-stream.ts';
import type { EventParser, EventSink } from './event-parser.ts';
import { JsonDocuments } from './json-documents.ts';
import { SseParser } from './sse.ts';

/** How streams are cut, by content type. Adding a framing is one file and one line. */
const FRAMINGS: Readonly<Record<string, (sink: EventSink) => EventParser>> = {
  'text/event-stream': (sink) => new SseParser(sink),
  'application/vnd.amazon.eventstream': (sink) => new AwsEventStreamParser(sink),
  'application/x-ndjson': (sink) => new JsonDocuments(sink),
  'application/stream+json': (sink) => new JsonDocuments(sink),
};

/** The parser for a stream of this content type (lower case); `null` when it says nothing about a stream. */
export function streamParser(contentType: string, sink: EventSink): EventParser | null {
  const [type = ''] = contentType.split(';', 1);
  const create = FRAMINGS[type.trim()];
  return create === undefined ? null : create(sink);
}
