import { randomUUID } from 'node:crypto';
import type { AgentHandlers } from '../../src/collector/receivers/agents.ts';
import type { Frame, Point, RecordsMessage, Source } from '../../src/core/frame.ts';
import type { FrameEncoder } from '../../src/core/frames/frame-encoder.ts';
import { writeEvent } from '../../src/core/records/event-record.ts';
import { RecordOutput } from '../../src/core/records/record-output.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import type { RequestEvent } from '../../src/core/signals/request.ts';
import { milliseconds } from '../../src/core/units.ts';
import { newEventId } from '../../src/platform/ids.ts';

export function sourceNamed(service: string): Source {
  return {
    service,
    instanceId: randomUUID(),
    host: 'test-host',
    pid: 4242,
    instrumentations: ['http'],
    frameIntervalMs: milliseconds(1000),
  };
}

/** Of a collector that takes whoever comes. */
export const SHARED: AgentHandlers['sharing'] = {
  holder: { service: 'app', pid: 4242, url: 'http://127.0.0.1:9464', alone: false },
  loginFor: () => 'http://127.0.0.1:9464/login#code=c',
  add: () => true,
  remove: () => {},
  disagreement: () => null,
  claimed: () => {},
};

/** Events as an agent hands them over that has handed over so many bytes before. */
export function recordsMessage(events: readonly NervecenterEvent[], before = 0): RecordsMessage {
  const bytes = new Uint8Array(1_000_000);
  const writer = new RecordOutput();
  writer.begin(bytes);
  for (const event of events) writeEvent(writer, event);
  const records = bytes.slice(0, writer.length);
  const batch = before + records.length;
  return { type: 'records', batch, again: false, segment: before, at: 0, known: 0, records };
}

export function requestEvent(): RequestEvent {
  const timeMs = milliseconds(Date.now());
  return {
    signal: 'request',
    id: newEventId(timeMs),
    timeMs,
    traceId: null,
    userEmail: null,
    department: null,
    route: '/items/:id',
    method: 'GET',
    statusCode: 200,
    durationMs: milliseconds(12),
    requestBytes: 0,
    responseBytes: 2,
  };
}

export function counterPoint(name: string, value: number): Point {
  return { kind: 'counter', name, unit: '1', description: '', attributes: {}, value };
}

export function frameOf(points: readonly Point[], dropped: Frame['dropped'] = {}): Frame {
  return { seq: 1, endMs: milliseconds(Date.now()), points, dropped };
}

/** A frame as agents send it. */
export function frameBytes(
  encoder: FrameEncoder,
  points: readonly Point[],
  dropped: Frame['dropped'] = {},
): Uint8Array<ArrayBuffer> {
  encoder.start({ seq: 1, endMs: milliseconds(Date.now()), dropped });
  for (const point of points) encoder.point(point);
  return encoder.finish();
}
