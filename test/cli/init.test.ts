import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { ObservedApp } from '../support/observed-app.ts';
import { nervecenter } from './command.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const LISTEN = `createServer((_request, response) => response.end('served'))
  .listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port); });\n`;

describe('nervecenter init', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(ROOT, join(cwd, 'node_modules', 'nervecenter'), 'dir');
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  for (const { kind, manifest, script } of [
    {
      kind: 'a CommonJS package',
      manifest: '{ "name": "shop" }',
      script: `const { createServer } = require('node:http');`,
    },
    {
      kind: 'an ESM package',
      manifest: '{ "name": "shop", "type": "module" }',
      script: `import { createServer } from 'node:http';`,
    },
    {
      kind: 'a directory without a package',
      manifest: null,
      script: `const { createServer } = require('node:http');`,
    },
  ]) {
    it(`writes into ${kind} a file that works as it says`, async () => {
      if (manifest !== null) writeFileSync(join(cwd, 'package.json'), manifest);
      writeFileSync(join(cwd, 'app.js'), `${script}\n${LISTEN}`);
      const { code, stdout, stderr } = await nervecenter(['init'], { cwd });
      assert.deepEqual([code, stderr], [0, '']);
      const decided = manifest === null ? '' : 'Wrote into package.json \\(allowScripts\\) that .*\\.\\n';
      assert.match(
        stdout,
        new RegExp(
          `^Wrote otel\\.js\\.\\n${decided}Start your app with: {2}node --require \\./otel app\\.js\\n$`,
        ),
      );
      const app = new ObservedApp('app.js', {
        cwd,
        flags: ['--require', './otel'],
        env: { NERVECENTER_STORAGE: 'off' },
      });
      try {
        const url = await app.appUrl();
        await app.started();
        assert.equal(await (await fetch(url)).text(), 'served');
        const { api, service } = await app.snapshotWhen((snapshot) => snapshot.api.requests_total >= 1);
        assert.deepEqual([api.requests_total, service], [1, manifest === null ? 'app' : 'shop']);
      } finally {
        await app.stop();
      }
    });
  }

  it('leaves a file alone that is there', async () => {
    writeFileSync(join(cwd, 'otel.js'), '// mine\n');
    const { code, stdout } = await nervecenter(['init'], { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /^otel\.js is there already; left as it is\.\n/);
    assert.equal(readFileSync(join(cwd, 'otel.js'), 'utf8'), '// mine\n');
  });

  it('decides once, for npm, that no install script of ours needs to run, and changes nothing else', async () => {
    const path = join(cwd, 'package.json');
    const before = {
      name: 'shop',
      allowScripts: { sharp: true, 'protobufjs@7.6.6': true },
      dependencies: {},
    };
    writeFileSync(path, `${JSON.stringify(before, null, '\t')}\n`);
    await nervecenter(['init'], { cwd });
    const text = readFileSync(path, 'utf8');
    const { allowScripts, ...rest } = JSON.parse(text) as typeof before;
    assert.deepEqual({ ...rest, allowScripts: before.allowScripts }, before);
    assert.match(text, /^\{\n\t"name": "shop",\n.*\}\n$/s);
    const { 'protobufjs@7.6.6': allowed, sharp, ...denied } = allowScripts;
    assert.deepEqual([allowed, sharp], [true, true]);
    const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly optionalDependencies: Readonly<Record<string, string>>;
    };
    assert.deepEqual(Object.keys(denied).sort(), Object.keys(optionalDependencies).sort());
    assert.deepEqual([...new Set(Object.values(denied))], [false]);
    const { stdout } = await nervecenter(['init'], { cwd });
    assert.doesNotMatch(stdout, /package\.json/);
    assert.equal(readFileSync(path, 'utf8'), text);
  });
});
