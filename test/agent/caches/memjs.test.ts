import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { memjs as instrumentation } from '../../../src/agent/caches/memjs.ts';
import { tried } from '../../packages/tried.ts';
import { FAILING_KEY, MemcachedServer } from '../../support/caches/memcached-server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

type Answered = (error: unknown, value: Buffer | null) => void;

interface Client {
  get(key: string): Promise<{ value: Buffer | null }>;
  get(key: string, callback: Answered): void;
  set(key: string, value: string, options: object): Promise<boolean>;
  close(): void;
}

interface Memjs {
  readonly Client: { create(servers: string, options: object): Client };
}

const memjs = createRequire(import.meta.url)('memjs') as Memjs;

let server: MemcachedServer;
let agent: RecordingAgent;
let stop: () => void;
let client: Client;

beforeAll(async () => {
  server = await MemcachedServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  agent = new RecordingAgent();
  stop = instrumentation.start(agent);
  client = memjs.Client.create(`127.0.0.1:${server.port}`, { logger: { log() {} } });
});
afterEach(() => {
  client.close();
  stop();
});

test(`${tried('memjs')}: get is a look-up, with a promise and with a callback`, async () => {
  await client.get('rag:q');
  await client.set('rag:q', 'v', {});
  assert.equal(String((await client.get('rag:q')).value), 'v');
  const value = await new Promise((resolve) => client.get('plain', (_error, found) => resolve(found)));
  assert.equal(value, null);
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['rag', true],
    ['memjs', false],
  ]);
});

test('what fails is neither hit nor miss', async () => {
  await assert.rejects(client.get(FAILING_KEY));
  assert.deepEqual(agent.lookups, []);
});
