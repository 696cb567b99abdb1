import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, it } from 'vitest';
import { spanEvent } from '../../../../src/agent/sdk/span-event.ts';
import { SentBatches } from '../../../../src/collector/receivers/sent-batches.ts';
import type { SentBatch } from '../../../../src/collector/sinks/postgres/spool/batch.ts';
import type { Via } from '../../../../src/core/passage.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import type { SpanEvent } from '../../../../src/core/signals/span.ts';
import { KIB } from '../../../../src/core/units.ts';
import { freePort } from '../../../support/free-port.ts';
import type { Message } from '../../../support/otlp/messages.ts';
import { OtlpReceiver } from '../../../support/otlp/receiver.ts';
import { until } from '../../../support/poll.ts';
import { requestEvents } from '../postgres/events.ts';
import { exporting, removeDirectories, sent, temporaryDirectory } from './exporting.ts';

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
  removeDirectories();
});

interface Offered {
  readonly events: readonly NervecenterEvent[];
  readonly sent?: SentBatch;
  readonly via?: Via;
}

/** What all waits for another nervecenter that is not there yet, and the requests it gets once it is. */
async function received(offers: readonly Offered[]): Promise<OtlpReceiver> {
  const dataDir = temporaryDirectory();
  const port = await freePort();
  const target = { name: 'central', endpoint: `http://127.0.0.1:${port}`, nervecenter: true };
  writeFileSync(`${dataDir}/targets.json`, JSON.stringify([target]));
  const { exporter } = await exporting({ NERVECENTER_OTLP_TARGETS: 'targets.json' }, dataDir);
  running.push(() => exporter.shutdown(2000));
  await Promise.all(
    offers.map((one) => exporter.offer(one.events, one.sent, { via: one.via ?? [], derived: true })),
  );
  const receiver = await OtlpReceiver.start({ port });
  running.push(() => receiver.stop());
  const count = offers.reduce((sum, { events }) => sum + events.length, 0);
  await until(() => exporter.counts()[0]?.exported === count);
  assert.deepEqual(receiver.problems, []);
  return receiver;
}

/** Ids of what a nervecenter takes of the requests, one after the other, as new. */
function taken({ requests }: OtlpReceiver): string[] {
  const known = new SentBatches();
  return requests.flatMap(({ request }) => {
    const batches = Map.groupBy(eventsIn(request), ({ writer, seq }) => `${writer} ${seq}`);
    return [...batches.values()]
      .toSorted((a, b) => (a[0]?.seq ?? 0) - (b[0]?.seq ?? 0))
      .filter(([first]) => first !== undefined && known.accept(first.writer, first.seq))
      .flatMap((events) => events.map(({ id }) => id));
  });
}

function eventsIn(request: Message): { writer: string; seq: number; id: string }[] {
  const list = (of: Message, name: string) => (of[name] ?? []) as Message[];
  return list(request, 'resourceLogs')
    .flatMap((resource) => list(resource, 'scopeLogs'))
    .flatMap((scope) => list(scope, 'logRecords'))
    .map((record) => {
      const told = Object.fromEntries(
        list(record, 'attributes').map(({ key, value }) => [String(key), value as Message]),
      );
      const { stringValue } = record['body'] as Message;
      return {
        writer: String(told['nervecenter.batch.writer']?.['stringValue']),
        seq: Number(told['nervecenter.batch.seq']?.['intValue']),
        id: (JSON.parse(String(stringValue)) as NervecenterEvent).id,
      };
    });
}

/** Spans of an app's own, each with a prompt of some 30 KB, as SDKs of model APIs record them. */
function promptSpans(count: number): SpanEvent[] {
  return Array.from({ length: count }, (_, index) =>
    spanEvent({
      name: 'ai.generateText',
      kind: 0,
      spanContext: () => ({
        traceId: 'a'.repeat(32),
        spanId: (index + 1).toString(16).padStart(16, '0'),
        traceFlags: 1,
      }),
      startTime: [1_790_000_000, 0],
      endTime: [1_790_000_001, 0],
      duration: [1, 0],
      status: { code: 0 },
      attributes: { 'ai.prompt.messages': 'why? '.repeat(6000) },
      links: [],
      events: [],
      instrumentationScope: { name: 'ai' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }),
  );
}

const idsOf = (offers: readonly Offered[]) => offers.flatMap(({ events }) => events.map(({ id }) => id));

describe('what another nervecenter takes', () => {
  it('is all of several senders, whatever their batches have passed through', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const offers = [[one], [other], [one], [], [other], [one, other], []].map((via) => {
      return { via, events: sent(requestEvents(3)) };
    });
    const receiver = await received(offers);
    assert.deepEqual(taken(receiver).toSorted(), idsOf(offers).toSorted());
    assert.ok(new Set(receiver.headers.map((headers) => headers['x-nervecenter-via'])).size >= 4);
  });

  it('is all of a batch that is several requests, and nothing of it when it comes again', async () => {
    const writer = randomUUID();
    const batch = { sent: [writer, 7], events: sent(requestEvents(4500)) } as const;
    const later = { sent: [writer, 8], events: sent(requestEvents(10)) } as const;
    const receiver = await received([batch, later, batch]);
    assert.deepEqual(taken(receiver).toSorted(), idsOf([batch, later]).toSorted());
    const unnamed = { events: sent(requestEvents(2500)) };
    assert.deepEqual(taken(await received([unnamed])).toSorted(), idsOf([unnamed]).toSorted());
  });

  it('comes in requests that every receiver takes, however much its events hold', async () => {
    const offers = [{ sent: [randomUUID(), 1] as const, events: sent(promptSpans(200)) }];
    const receiver = await received(offers);
    assert.deepEqual(taken(receiver).toSorted(), idsOf(offers).toSorted());
    const sizes = receiver.headers.map((headers) => Number(headers['content-length']));
    assert.ok(Math.max(...sizes) <= 1000 * KIB, sizes.join());
  });
});

it('spans with whole prompts go by gRPC in requests that a receiver takes by default', async () => {
  const receiver = await OtlpReceiver.start({ protocol: 'grpc', foreign: true });
  running.push(() => receiver.stop());
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  const { exporter, lines } = await exporting(env);
  running.push(() => exporter.shutdown(2000));
  const spans = promptSpans(200);
  await exporter.offer(sent(spans), [randomUUID(), 1]);
  await until(() => exporter.counts()[0]?.exported === 200);
  assert.equal(receiver.spans.length, 200);
  assert.deepEqual([receiver.problems, lines], [[], []]);
});
