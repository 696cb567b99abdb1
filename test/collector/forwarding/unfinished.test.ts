import assert from 'node:assert/strict';
import { SpanStatusCode } from '@opentelemetry/api';
import { test } from 'vitest';
import { httpServer } from '../../../src/collector/receivers/otlp/dialects/http-server.ts';
import type { OtlpAttributes, OtlpSpan } from '../../../src/collector/receivers/otlp/model.ts';
import { spansOf } from '../../../src/collector/sinks/otlp/encode/spans.ts';
import type { RequestEvent } from '../../../src/core/signals/request.ts';
import { requestEvent } from '../sinks/postgres/events.ts';

type Told = Pick<RequestEvent, 'statusCode' | 'outcome'>;

for (const told of [
  { statusCode: 0, outcome: 'unfinished' },
  { statusCode: 200, outcome: 'unfinished' },
  { statusCode: 500 },
  { statusCode: 200 },
] satisfies Told[]) {
  test(`a request by ${JSON.stringify(told)} is the same for who gets it as a span`, () => {
    const [span] = spansOf(requestEvent(told), { attributes: {} } as Parameters<typeof spansOf>[1]);
    assert.ok(span);
    const { attributes, status } = span;
    const failed = told.statusCode !== 200 || 'outcome' in told;
    assert.equal(status.code, failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    assert.equal('http.response.status_code' in attributes, told.statusCode !== 0);
    const received = {
      attributes: attributes as OtlpAttributes,
      status: failed ? 'error' : 'unset',
    } as Partial<OtlpSpan> as OtlpSpan;
    const { statusCode, outcome } = httpServer.request?.(received) ?? {};
    assert.deepEqual({ statusCode, ...(outcome === undefined ? {} : { outcome }) }, told);
  });
}
