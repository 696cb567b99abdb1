import assert from 'node:assert/strict';
import { test } from 'vitest';
import { MultipartFields } from '../../../../src/agent/llm/reader/multipart.ts';
import { pieces } from './pieces.ts';

/** The form as `fetch` writes it. */
async function written(fields: Readonly<Record<string, string | Blob>>): Promise<string> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return Buffer.from(await new Response(form).arrayBuffer()).toString('latin1');
}

test('fields are found before and behind a file, wherever the network cuts', async () => {
  const file = new Blob([new Uint8Array(5000).map((_, i) => (i * 7) % 256)], { type: 'audio/wav' });
  const body = await written({ stream: 'true', file, model: 'whisper-1', prompt: 'a secret' });
  for (const size of [1, 7, 100, 4096, body.length]) {
    const fields = new MultipartFields(['model', 'stream', 'file']);
    for (const piece of pieces(body, [size])) fields.write(piece);
    assert.deepEqual([...fields.found].sort(), [
      ['file', true],
      ['model', 'whisper-1'],
      ['stream', 'true'],
    ]);
  }
});

test('a text that is no short line is only there', async () => {
  const body = await written({ model: 'x'.repeat(5000), stream: 'a\nb' });
  const fields = new MultipartFields(['model', 'stream']);
  for (const piece of pieces(body, [64])) fields.write(piece);
  assert.deepEqual(fields.found.get('model'), true);
});

test('of a field that need only be there no text is kept', async () => {
  const fields = new MultipartFields(['model'], ['prompt']);
  for (const piece of pieces(await written({ prompt: 'a secret', model: 'gpt-image-1' }), [64])) {
    fields.write(piece);
  }
  fields.close();
  assert.deepEqual([...fields.found].sort(), [
    ['model', 'gpt-image-1'],
    ['prompt', true],
  ]);
});

test('what is no form says nothing', () => {
  const fields = new MultipartFields(['model']);
  fields.write('--\r\nname="model"');
  fields.write('x'.repeat(100_000));
  assert.deepEqual([...fields.found], []);
});
