import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { Dialect } from '../../../../src/agent/llm/dialects/dialect.ts';
import { DIALECTS, recognise } from '../../../../src/agent/llm/dialects/index.ts';
import { RequestReader } from '../../../../src/agent/llm/reader/request-reader.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { errorType } from '../../../../src/core/llm/labels.ts';
import { completionTokens, promptTokens } from '../../../../src/core/llm/usage.ts';
import { bytesOf, pieces } from '../reader/pieces.ts';
import { type Answer, EVENT_STREAM, NDJSON, NOTHING_SAID, type Said, SSE } from './examples/example.ts';
import { EXAMPLES } from './examples/index.ts';

function read(
  dialect: Dialect,
  { contentType }: { contentType: string },
  cut: readonly string[],
): ResponseReader {
  const reader = new ResponseReader(dialect, contentType);
  for (const piece of cut) reader.write(piece);
  reader.finish();
  return reader;
}

/** Everything a reader has to say. */
function saidBy(reader: ResponseReader): Record<keyof Said, unknown> {
  return {
    model: reader.model,
    usage: reader.usage,
    finishReason: reader.finishReason ?? undefined,
    serviceTier: reader.serviceTier ?? undefined,
    billedUnits: reader.billedUnits,
    reportedCostUsd: reader.reportedCostUsd,
    isStream: reader.isStream,
    contentEvents: reader.contentEvents,
    failure: reader.failed ? (errorType(reader.errors) ?? '') : null,
    usageMismatch: reader.usageMismatch,
  };
}

function expected({ said }: Answer): Record<keyof Said, unknown> {
  const usage = said.usage == null ? null : tokenUsage(said.usage);
  return { ...NOTHING_SAID, ...said, usage };
}

test('every dialect has a name of its own', () => {
  assert.equal(new Set(DIALECTS.map(({ name }) => name)).size, DIALECTS.length);
});

for (const dialect of DIALECTS) {
  test(`${dialect.name} has examples, of a stream too if it has one, and of a refusal`, () => {
    const examples = EXAMPLES.filter((candidate) => candidate.dialect === dialect);
    assert.equal(examples.length, 1);
    const answers = examples.flatMap((example) => example.answers);
    assert.ok(answers.some(({ title }) => title.startsWith('refused')));
    assert.equal(
      answers.some(({ said }) => said.isStream === true),
      dialect.stream !== null,
    );
  });
}

for (const example of EXAMPLES) {
  const { dialect, answers } = example;
  describe(dialect.name, () => {
    test('is recognised by its paths and no others', () => {
      const { hostname, pathname, search } = new URL(example.url);
      const recognised = recognise(hostname, pathname + search, () => false);
      assert.equal(recognised?.dialect.name, dialect.name);
      assert.deepEqual(
        [recognised.certain, recognised.pathModel, recognised.pathStreams],
        [example.certain, example.pathModel ?? null, example.pathStreams ?? null],
      );
      for (const path of example.notPaths) {
        for (const host of [hostname, 'other.example.com']) {
          assert.notEqual(recognise(host, path, () => false)?.dialect.name, dialect.name, path);
        }
      }
    });

    test('knows its requests on a host that proves nothing', () => {
      const hasKeys = (body: string) => {
        const reader = new RequestReader(dialect, example.pathModel ?? null);
        for (const piece of pieces(body, [3])) reader.write(piece);
        return reader.hasDialectKeys;
      };
      assert.equal(hasKeys(example.request), true);
      if (example.notRequest !== '') assert.equal(hasKeys(example.notRequest), false);
    });

    for (const answer of answers) {
      const body = answer.contentType === EVENT_STREAM ? answer.body : bytesOf(answer.body);
      test(`${answer.title}: says the same however it is cut`, () => {
        assert.deepEqual(saidBy(read(dialect, answer, [body])), expected(answer));
        for (let at = 0; at <= body.length; at++) {
          const halves = [body.slice(0, at), body.slice(at)];
          assert.deepEqual(saidBy(read(dialect, answer, halves)), expected(answer), `cut at ${at}`);
        }
        const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
        fc.assert(
          fc.property(sizes, (some) => {
            assert.deepEqual(saidBy(read(dialect, answer, pieces(body, some))), expected(answer));
          }),
          { numRuns: 30 },
        );
      });

      test(`${answer.title}: broken off anywhere it claims nothing that was not said`, () => {
        const { usage: whole, ...rest } = expected(answer) as {
          usage: ReturnType<typeof tokenUsage> | null;
        } & Said;
        for (let at = 0; at < body.length; at++) {
          const broken = read(dialect, answer, [body.slice(0, at)]);
          const usage = broken.usage;
          if (usage !== null) {
            assert.ok(whole !== null && promptTokens(usage) <= promptTokens(whole), `cut at ${at}`);
            assert.ok(completionTokens(usage) <= completionTokens(whole), `cut at ${at}`);
          }
          assert.ok(broken.contentEvents <= rest.contentEvents, `cut at ${at}`);
          assert.ok(broken.model === undefined || broken.model === rest.model, `cut at ${at}`);
          assert.equal(broken.failed && rest.failure === null, false, `cut at ${at}`);
        }
      });
    }

    test('text inside an answer is no fact', () => {
      const trap = JSON.stringify({ text: JSON.stringify(answers.map(({ body }) => body)) });
      for (const contentType of ['', SSE, NDJSON]) {
        const body = contentType === SSE ? `data: ${trap}\n\n` : trap;
        const said = saidBy(read(dialect, { contentType }, [bytesOf(body)]));
        assert.deepEqual([said.usage, said.failure, said.model], [null, null, undefined], contentType);
      }
    });
  });
}

test('no more than 64 KiB is held of a body that is being read, whatever the dialect and the framing', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const framings: [string, string][] = [
    ['', '{"a":{"b":"'],
    ['', '[{"a":"'],
    [SSE, 'data: {"a":"'],
    [NDJSON, '{"a":"'],
  ];
  const filler = () => Buffer.alloc(64 * 1024, 'secret ').toString('latin1');
  const before = heapBytes();
  const readers = DIALECTS.flatMap((dialect) =>
    framings.map(([contentType, begin]) => {
      const reader = new ResponseReader(dialect, contentType);
      reader.write(begin);
      for (let piece = 0; piece < 8; piece++) reader.write(filler());
      return reader;
    }),
  );
  const heldBytes = (heapBytes() - before) / readers.length;
  assert.ok(heldBytes < 64 * 1024 + 16 * 1024, `${heldBytes} bytes per reader`);
  for (const reader of readers) reader.finish();
});
