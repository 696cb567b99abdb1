import assert from 'node:assert/strict';
import { test, vi } from 'vitest';
import { STREAM_RENEWAL_MS } from '../../../src/collector/server/login/sessions.ts';
import { launchBrowser } from '../../support/browser.ts';
import { logIn, startServer } from './fixture.ts';

test('a browser that does nothing but watch takes the younger cookie of its stream', async (test) => {
  const server = await startServer(test, { assets: { 'index.html': '<p>' } });
  const [name = '', value = ''] = (await logIn(server)).split('=');
  const browser = await launchBrowser();
  test.onTestFinished(() => browser.close());
  const context = await browser.newContext();
  await context.addCookies([{ name, value, url: server.url, httpOnly: true, sameSite: 'Strict' }]);
  const page = await context.newPage();
  await page.goto(`${server.url}/admin/system`);
  assert.equal((await context.cookies())[0]?.value, value);
  const now = Date.now;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() + STREAM_RENEWAL_MS);
  test.onTestFinished(() => spy.mockRestore());
  const message = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onmessage = ({ data }) => resolve(data);
        socket.onclose = ({ code }) => resolve(code);
      }),
    `${server.url.replace('http', 'ws')}/api/metrics/stream`,
  );
  assert.match(String(message), /^\{"type":"metrics_snapshot"/);
  const [cookie] = await context.cookies();
  assert.match(cookie?.value ?? '', /^[\w-]{96}$/);
  assert.notEqual(cookie?.value, value);
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict']);
});
