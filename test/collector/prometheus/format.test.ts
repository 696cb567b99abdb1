import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type Format, formatFor } from '../../../src/collector/prometheus/format.ts';

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
const PROTOBUF_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** As versions of Prometheus ask. */
const SCRAPERS: readonly (readonly [who: string, accept: string, contentType: string])[] = [
  [
    'Prometheus 2',
    `${OPENMETRICS},application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    OPENMETRICS_TYPE,
  ],
  [
    'Prometheus 2 with native histograms',
    `${PROTOBUF},${OPENMETRICS};q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    PROTOBUF_TYPE,
  ],
  [
    'Prometheus 3',
    `application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
    `${OPENMETRICS_TYPE}; escaping=underscores`,
  ],
  [
    'Prometheus 3 with native histograms',
    `${PROTOBUF};escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
    `${PROTOBUF_TYPE}; escaping=underscores`,
  ],
  [
    'Prometheus 3 that wants plain text',
    'text/plain;version=1.0.0;escaping=underscores;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
    'text/plain; version=1.0.0; charset=utf-8; escaping=underscores',
  ],
  ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT_TYPE],
  ['curl', '*/*', TEXT_TYPE],
];

const CASES: readonly (readonly [accept: string | undefined, format: Format])[] = [
  [undefined, 'text'],
  ['', 'text'],
  ['text/plain', 'text'],
  ['text/*', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text;version="1.0.0"', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=2.0.0', 'text'],
  [`application/openmetrics-text;version=0.0.1;q=0.75,${OPENMETRICS},text/plain;q=0.5`, 'openmetrics'],
  [`${OPENMETRICS};q=0.4,text/plain;version=0.0.4;q=0.5`, 'text'],
  [`${OPENMETRICS};q=0.5,text/plain;version=0.0.4;q=0.5`, 'openmetrics'],
  [`${OPENMETRICS};q=0.4,text/plain;version=9;q=1,*/*;q=0.5`, 'text'],
  [`${OPENMETRICS};q=0.4,text/plain;q=0,*/*;q=1`, 'openmetrics'],
  ['application/openmetrics-text;q=0', 'text'],
  ['APPLICATION/OPENMETRICS-TEXT ; Q=1', 'openmetrics'],
  ['application/openmetrics-text;q=nonsense', 'text'],
  ['application/openmetrics-text;q=2', 'text'],
  [PROTOBUF, 'protobuf'],
  [`${PROTOBUF};q=0.5,${OPENMETRICS};q=0.6`, 'openmetrics'],
  [
    'application/vnd.google.protobuf;proto="io.prometheus.client.MetricFamily";encoding="delimited"',
    'protobuf',
  ],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text', 'text'],
  ['application/vnd.google.protobuf;proto=another.Message;encoding=delimited', 'text'],
  ['application/vnd.google.protobuf', 'text'],
  ['application/*', 'text'],
  ['text/html;note="a,b;application/openmetrics-text",text/plain', 'text'],
  [';;;,,,q=;', 'text'],
  ['"'.repeat(3000), 'text'],
];

describe('the format of a scrape', () => {
  it.each(SCRAPERS)('of %s', (_who, accept, contentType) => {
    assert.equal(formatFor(accept).contentType, contentType);
  });

  it.each(CASES)('for "%s" is %s', (accept, format) => {
    assert.equal(formatFor(accept).format, format);
  });

  it('is one of them whatever is asked for', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(PROTOBUF, OPENMETRICS, 'text/plain', ';q=0.3', ',', '"', '\\'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        assert.ok(['text', 'openmetrics', 'protobuf'].includes(formatFor(parts.join('')).format));
      }),
    );
  });
});
