import assert from 'node:assert/strict';
import { test } from 'vitest';
import { pathTemplate } from '../../../src/core/http/path-template.ts';

test('ids are taken out of a path, words stay', () => {
  const cases = [
    ['/', '/'],
    ['/ws', '/ws'],
    ['/v1/realtime', '/v1/realtime'],
    ['/socket.io/', '/socket.io/'],
    ['/rooms/17', '/rooms/:id'],
    ['/rooms/17/chat', '/rooms/:id/chat'],
    ['/chat/room-17', '/chat/room-:id'],
    ['/chat/user_42', '/chat/user_:id'],
    ['/live/doc:7f3a9c21e', '/live/doc::id'],
    ['/s/0b4f1c9e-8a51-4f0e-9d3a-5e6f7a8b9c0d', '/s/:id'],
    ['/s/session-0b4f1c9e-8a51-4f0e-9d3a-5e6f7a8b9c0d', '/s/session-:id'],
    ['/s/507f1f77bcf86cd799439011', '/s/:id'],
    ['/s/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/s/:id'],
    ['/s/V1StGXR8_Z5jdHi6B-myT', '/s/:id'],
    ['/inbox/ada@example.com', '/inbox/:id'],
    ['/inbox/ada%40example.com', '/inbox/:id'],
    ['/deadbeef', '/deadbeef'],
    ['/notifications-stream', '/notifications-stream'],
  ] as const;
  for (const [path, template] of cases) assert.equal(pathTemplate(path), template, path);
});

test('three thousand rooms are one path, and no path has more than so many parts', () => {
  const templates = new Set(Array.from({ length: 3000 }, (_, i) => pathTemplate(`/rooms/${i}/socket`)));
  assert.deepEqual([...templates], ['/rooms/:id/socket']);
  assert.ok(pathTemplate('/a'.repeat(200)).length < 80);
});
