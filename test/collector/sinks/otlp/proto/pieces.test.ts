import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { type Piece, piecesOf } from '../../../../../src/collector/sinks/otlp/proto/pieces.ts';
import { delimited } from '../../../../../src/collector/sinks/otlp/proto/wire.ts';
import { type Json, messageOf, protobufOf } from '../../../receivers/otlp/messages.ts';

const ALL = { service: () => true, record: () => true };

const named = (service: string | null): Json =>
  service === null ? {} : { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
const group = (service: string | null, names: readonly string[]): Json => ({
  resource: named(service),
  schemaUrl: 'https://opentelemetry.io/schemas/1.40.0',
  scopeSpans: [{ scope: { name: 'library', version: '1.2' }, spans: names.map((name) => ({ name })) }],
});
const request = (...resourceSpans: Json[]) => protobufOf('traces', { resourceSpans });

interface Span {
  readonly name: string;
}
interface Request {
  readonly resourceSpans: readonly {
    readonly schemaUrl: string;
    readonly resource: unknown;
    readonly scopeSpans: readonly { readonly scope: unknown; readonly spans: readonly Span[] }[];
  }[];
}

function read({ body }: Piece): Request {
  return messageOf('TracesRequest', body) as unknown as Request;
}

function messageCount(body: Buffer): number {
  return names({ records: 0, body }).length;
}

function names(piece: Piece): string[] {
  return read(piece).resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
  );
}

describe('the records that are wanted', () => {
  it('of some services stay under their resource and scope, as they came', () => {
    const body = request(group('shop', ['a', 'b']), group('billing', ['c']), group(null, ['d']));
    const [shop, ...none] = piecesOf(body, { ...ALL, service: (service) => service === 'shop' });
    assert.ok(shop !== undefined && none.length === 0);
    assert.equal(shop.records, 2);
    assert.deepEqual(read(shop), messageOf('TracesRequest', request(group('shop', ['a', 'b']))));
    const [unnamed] = piecesOf(body, { ...ALL, service: (service) => service === null });
    assert.deepEqual(unnamed && names(unnamed), ['d']);
    assert.deepEqual(piecesOf(body, { ...ALL, service: () => false }), []);
  });

  it('keep fields of later versions', () => {
    const later = Buffer.concat(delimited(77, [Buffer.from('new')]));
    const resource = Buffer.concat([...delimited(2, delimited(2, [later])), later]);
    const body = Buffer.concat(delimited(1, [resource]));
    const [piece] = piecesOf(body, ALL);
    // What is not the list stands first.
    const sorted = Buffer.concat(delimited(1, [later, ...delimited(2, delimited(2, [later]))]));
    assert.deepEqual(piece?.body, sorted);
  });

  it('of a request that is too large are several: each record once, in order, none larger than it may be', () => {
    const some = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${prefix}${index}`.padEnd(600, '.'));
    const [shop, billing] = [some('s', 3000), some('b', 1500)];
    const pieces = piecesOf(request(group('shop', shop), group('billing', billing)), ALL);
    assert.deepEqual(pieces.flatMap(names), [...shop, ...billing]);
    for (const piece of pieces) {
      assert.ok(piece.body.length < 2 ** 20, `${piece.body.length}`);
      assert.equal(names(piece).length, piece.records);
      for (const { schemaUrl, scopeSpans } of read(piece).resourceSpans) {
        assert.match(schemaUrl, /1\.40/);
        assert.deepEqual(scopeSpans[0]?.scope, { name: 'library', version: '1.2' });
      }
    }
    assert.equal(
      piecesOf(
        request(
          group(
            'shop',
            Array.from({ length: 4001 }, () => 'x'),
          ),
        ),
        ALL,
      ).length,
      3,
    );
  });

  it('under a resource or scope as large as a request stay with it: it is not sent with each of them', () => {
    const large = (bytes: number): Json => ({
      attributes: [{ key: 'process.command_args', value: { stringValue: 'x'.repeat(bytes) } }],
    });
    const spans = (count: number): Json => Array.from({ length: count }, () => ({ name: 'GET' }));
    const scopes = (count: number): Json =>
      Array.from({ length: count }, () => ({ scope: { name: 'library' }, spans: spans(1) }));
    for (const [resourceSpans, mostTimes] of [
      [{ resource: large(1_100_000), scopeSpans: [{ spans: spans(3000) }] }, 1],
      [{ resource: large(600_000), scopeSpans: scopes(300) }, 1],
      [{ resource: large(450_000), scopeSpans: scopes(300) }, 1],
      [{ resource: named('shop'), scopeSpans: [{ scope: large(600_000), spans: spans(3000) }] }, 1],
      [{ resource: large(100_000), scopeSpans: [{ spans: spans(5000) }] }, 3],
    ] as const) {
      const body = request(resourceSpans, group('billing', ['last']));
      const pieces = piecesOf(body, ALL);
      const total = pieces.reduce((sum, piece) => sum + piece.body.length, 0);
      assert.ok(total < mostTimes * body.length + 10_000, `${total} bytes of ${body.length}`);
      const records = pieces.reduce((sum, piece) => sum + names(piece).length, 0);
      assert.equal(records, messageCount(body));
    }
  });

  it('of what is no request are an error', () => {
    assert.throws(() => piecesOf(Buffer.from([0x0a, 0x05, 0x01]), ALL), RangeError);
  });
});
