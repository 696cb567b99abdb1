import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';

const PACKAGES = join(import.meta.dirname, '..', '..', 'node_modules');

/** A package as it is named where it is seen. */
function named(name: string): string {
  const manifest = readFileSync(join(PACKAGES, name, 'package.json'), 'utf8');
  return `${name} ${(JSON.parse(manifest) as { version: string }).version}`;
}

const [EXPRESS, FASTIFY, IOREDIS, KOA, WS] = ['express', 'fastify', 'ioredis', 'koa', 'ws'].map(named);

const APPS = {
  'app.cjs': `
    const app = require('express')();
    require('ioredis');
    app.get('/koa', (_request, response) => response.end(typeof require('koa')));
    app.get('/ws', (_request, response) => response.end(typeof require('ws')));
    app.listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port); });`,
  'app.mjs': `
    import express from 'express';
    import 'ioredis';
    const app = express();
    app.get('/koa', async (_request, response) => response.end(typeof (await import('koa')).default));
    app.get('/ws', async (_request, response) => response.end(typeof (await import('ws')).default));
    app.listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port); });`,
};

describe(`the start notice of an app with ${EXPRESS} and ${IOREDIS}`, () => {
  let cwd: string;
  let app: ObservedApp;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    symlinkSync(PACKAGES, join(cwd, 'node_modules'));
    const dependencies = { express: '*', fastify: '*', 'node-llama-cpp': '*' };
    writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'shop', dependencies }));
  });
  afterEach(async () => {
    await app.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  for (const [file, code] of Object.entries(APPS)) {
    it(`${file}: names what is there and what cannot be seen, and what is loaded later once`, async () => {
      writeFileSync(join(cwd, file), code);
      app = new ObservedApp(join(cwd, file), { cwd, env: { NERVECENTER_STORAGE: 'off' } });
      const url = await app.appUrl();
      await app.started();
      const line = (label: string) => new RegExp(`^ {2}${label} +(.*)$`, 'm').exec(app.stderr)?.[1];
      assert.equal(line('instrumented'), `HTTP servers, model calls, ${EXPRESS}, ${IOREDIS}`);
      assert.equal(line('not seen'), 'node-llama-cpp (models in the process: recordLlmCall)');
      const later = (): string[] => app.stderr.match(/^\[nervecenter\] .*$/gm) ?? [];
      for (const [path, name] of [
        ['koa', KOA],
        ['ws', WS],
      ]) {
        assert.equal(await (await fetch(`${url}/${path}`)).text(), 'function');
        await until(() => later().includes(`[nervecenter] instrumented since: ${name}.`));
      }
      await fetch(`${url}/koa`);
      await app.snapshotWhen(({ api }) => api.requests_total === 3);
      assert.equal(later().length, 2);
      assert.ok(!app.stderr.includes(String(FASTIFY)));
    });
  }
});
