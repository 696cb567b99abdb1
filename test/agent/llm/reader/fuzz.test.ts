import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { DIALECTS } from '../../../../src/agent/llm/dialects/index.ts';
import { RequestReader } from '../../../../src/agent/llm/reader/request-reader.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { bytesLike, tryAll } from '../../../support/fuzz/fuzzing.ts';
import { mutatedJson, type Random } from '../../../support/fuzz/mutations.ts';
import { EXAMPLES } from '../dialects/examples/index.ts';

const KEPT_CHARS_MAX = 4096;
const ERRORS_MAX = 16;
const FORM = [
  ...['--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x\r\n'],
  'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: audio/mpeg\r\n\r\n\0\0\r\n--x--\r\n',
].join('');
const BODIES = EXAMPLES.flatMap(({ answers }) => answers).map(({ body }) => Buffer.from(body, 'latin1'));
const REQUESTS = [...EXAMPLES.flatMap(({ request, notRequest }) => [request, notRequest]), FORM].map((body) =>
  Buffer.from(body, 'latin1'),
);
const DOCUMENTS = EXAMPLES.flatMap(({ answers }) => answers)
  .filter(({ contentType }) => contentType === 'application/json')
  .flatMap(({ body }) => (isJson(body) ? [JSON.parse(body) as unknown] : []));
const TYPES = [
  ...new Set(EXAMPLES.flatMap(({ answers }) => answers.map(({ contentType }) => contentType))),
  ...['', 'text/plain', 'audio/mpeg', 'application/stream+json'],
];

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Cut where the network might cut it. */
function pieces(text: string, random: Random): string[] {
  const cuts = Array.from({ length: random.below(4) }, () => random.below(text.length + 1));
  const ends = [0, ...cuts.toSorted((one, other) => one - other), text.length];
  return ends.slice(1).map((end, index) => text.slice(ends[index], end));
}

/** Reads an answer as one of a dialect. Throws at nothing that may come of it. */
function attempt(body: string, random: Random): string {
  const dialect = random.of(DIALECTS);
  let contentEnd = 0;
  const reader = new ResponseReader(dialect, random.of(TYPES), (end) => {
    contentEnd = end;
  });
  reader.readHeaders(() => (random.below(4) === 0 ? body.slice(0, 100) : null));
  for (const piece of pieces(body, random)) {
    contentEnd = 0;
    reader.write(piece);
    assert.ok(contentEnd <= piece.length);
    void reader.usage; // What is known so far may be asked for at any time.
  }
  reader.finish();
  assertBounded(reader, body.length);
  return reader.usage !== null ? 'counted' : reader.failed ? 'failed' : 'nothing';
}

function assertBounded(reader: ResponseReader, length: number): void {
  for (const count of Object.values(reader.usage ?? {})) {
    assert.ok(Number.isSafeInteger(count) && count >= 0, `${count} tokens`);
  }
  for (const count of Object.values(reader.billedUnits ?? {})) {
    assert.ok(Number.isFinite(count) && count >= 0, `${count} units`);
  }
  const { reportedCostUsd: cost } = reader;
  assert.ok(cost === null || (Number.isFinite(cost) && cost >= 0), `${cost} USD`);
  assert.ok(Number.isFinite(reader.outputTokens) && reader.outputTokens >= 0);
  assert.ok(reader.contentEvents <= length && reader.outputTokens <= length + 1);
  assert.ok(reader.errors.length <= ERRORS_MAX);
  for (const kept of [reader.model, reader.finishReason, reader.serviceTier, reader.errorMessage]) {
    assert.ok((JSON.stringify(kept)?.length ?? 0) <= 6 * KEPT_CHARS_MAX);
  }
  for (const flag of [reader.usageMismatch, reader.usageIsProvisional, reader.mayBeCall, reader.gaveUp]) {
    assert.equal(typeof flag, 'boolean');
  }
  assert.ok(reader.pendingId === null || reader.pendingId.length <= 200);
}

describe('bodies that are not right', () => {
  it('of answers, in any framing, hurt nobody', async () => {
    await tryAll((random) => bytesLike(BODIES)(random).toString('latin1'), attempt, {
      reached: ['counted', 'failed'],
    });
  });

  it('of answers, of the right form with wrong values, hurt nobody', async () => {
    await tryAll(
      (random) => {
        const document = JSON.stringify(mutatedJson(random.of(DOCUMENTS), random));
        const text = Buffer.from(document).toString('latin1');
        return random.below(3) === 0 ? `data: ${text}\n\n` : text;
      },
      attempt,
      { reached: ['counted', 'failed'] },
    );
  });

  it('of requests, JSON or a form, hurt nobody', async () => {
    await tryAll(
      (random) => bytesLike(REQUESTS)(random).toString('latin1'),
      (body, random) => {
        const reader = new RequestReader(random.of(DIALECTS), random.of([null, 'path-model']));
        for (const piece of pieces(body, random)) reader.write(piece);
        const told = reader.model;
        reader.close();
        assert.equal(reader.model, told);
        assert.ok(told === null || (typeof told === 'string' && told.length <= KEPT_CHARS_MAX));
        assert.equal(typeof reader.streaming, 'boolean');
        assert.equal(typeof reader.hasDialectKeys, 'boolean');
        return reader.hasDialectKeys ? 'a call' : 'none';
      },
      { reached: ['a call', 'none'] },
    );
  });
});
