import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, test } from 'vitest';
import { hooksAreSound } from '../../../src/agent/modules/hook.ts';

const run = promisify(execFile);
const hook = pathToFileURL(
  join(import.meta.dirname, '..', '..', '..', 'src', 'agent', 'modules', 'hook.ts'),
).href;
let dir = '';

const FILES = {
  'node_modules/old/lib/app.js': "'use strict';\nmodule.exports = class App { name() { return 'old'; } };\n",
  'node_modules/old/lib/other.js': "module.exports = 'other';\n",
  'node_modules/old/package.json': '{"name":"old","main":"lib/app.js"}',
  'node_modules/new/app.js': "export class App { name() { return 'new'; } }\n//# sourceMappingURL=app.js.map",
  'node_modules/new/package.json': '{"name":"new","type":"module","exports":"./app.js"}',
  'node_modules/untyped/index.js': "export const name = 'untyped';\n",
  'node_modules/failing/index.js': "throw new Error('own failure');\n",
  // Patches `name` of whatever exports an App, says when it did, and breaks on purpose for another watcher.
  'preload.mjs': `
    import { onModuleLoad } from ${JSON.stringify(hook)};
    const patch = (exports) => {
      const App = exports.App ?? exports;
      const original = App.prototype.name;
      App.prototype.name = function () { return 'patched ' + original.call(this); };
      return () => { App.prototype.name = original; };
    };
    const undos = ['old/lib/app.js', 'new/app.js'].map((file) => onModuleLoad(file, patch));
    onModuleLoad('old/lib/app.js', () => { throw new Error('unknown shape'); });
    onModuleLoad('failing/index.js', () => undefined);
    onModuleLoad('untyped/index.js', () => undefined);
    globalThis.undoAll = () => undos.forEach((undo) => undo());`,
  // What frameworks build, and a file of the app's own that is called the same.
  'build/server/built.js': "const routes = ['sign of it']; export { routes };\n",
  'own/server/built.js': "export const routes = ['own'];\n",
  'package.json': '{"type":"module"}',
  'outputs.mjs': `
    import { onOutputLoad } from ${JSON.stringify(hook)};
    const patch = ({ routes }) => { routes.push('seen'); return () => routes.push('undone'); };
    globalThis.undoAll = onOutputLoad({ path: /\\/server\\/built\\.js$/, text: 'sign of it' }, patch);`,
  'built.mjs': `
    import { routes } from './build/server/built.js'; import { routes as own } from './own/server/built.js';
    undoAll();
    console.log(JSON.stringify([routes, own]));`,
  // What a process on a Node with unsound hooks would see, without having that Node.
  'old-node.cjs': `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.15.0' } });`,
  'app.cjs': `
    const Old = require('old'), other = require('old/lib/other.js'), { App } = require('new');
    let failure; try { require('failing'); } catch (error) { failure = error.message; }
    const before = [new Old().name(), new App().name(), other, failure, require('untyped').name];
    undoAll();
    console.log(JSON.stringify([...before, new Old().name(), new App().name()]));`,
  'app.mjs': `
    import Old from 'old'; import other from 'old/lib/other.js'; import { App } from 'new'; import { name } from 'untyped';
    let failure; try { await import('failing'); } catch (error) { failure = error.message; }
    const before = [new Old().name(), new App().name(), other, failure, name];
    undoAll();
    console.log(JSON.stringify([...before, new Old().name(), new App().name()]));`,
  'late.cjs': `
    const Old = require('old');
    import('./preload.mjs').then(() => console.log(new Old().name()));`,
  'late.mjs': `
    import Old from 'old';
    await import('./preload.mjs');
    console.log(new Old().name());`,
};

const EXPECTED = ['patched old', 'patched new', 'other', 'own failure', 'untyped', 'old', 'new'];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nervecenter-hook-'));
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function output(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd: dir });
  return stdout.trim();
}

test('the versions whose hooks are sound', () => {
  const sound = ['22.22.3', '22.23.0', '24.11.1', '24.21.0', '25.1.0', '26.0.0', '30.0.0'];
  const unsound = ['22.15.0', '22.22.2', '23.11.0', '24.0.0', '24.11.0', '25.0.0'];
  assert.deepEqual(
    sound.map(hooksAreSound),
    sound.map(() => true),
  );
  assert.deepEqual(
    unsound.map(hooksAreSound),
    unsound.map(() => false),
  );
});

for (const [app, esmPackage] of [
  ['app.cjs', 'patched new'],
  ['app.mjs', 'new'],
] as const) {
  test(`without sound hooks, ${app} gets what it requires patched, and nothing broken`, async () => {
    const printed = await output('--require', './old-node.cjs', '--import', './preload.mjs', app);
    assert.deepEqual(JSON.parse(printed), EXPECTED.with(1, esmPackage));
  });
}

for (const flag of ['--import', '--require']) {
  for (const app of ['app.cjs', 'app.mjs']) {
    test(`${flag} before ${app}: CommonJS and ESM packages are patched, and unpatched`, async () => {
      assert.deepEqual(JSON.parse(await output(flag, './preload.mjs', app)), EXPECTED);
    });
  }
}

test('a file of a build is known by its path and by what stands in it', async () => {
  const printed = await output('--import', './outputs.mjs', 'built.mjs');
  assert.deepEqual(JSON.parse(printed), [['sign of it', 'seen', 'undone'], ['own']]);
});

for (const app of ['late.cjs', 'late.mjs']) {
  test(`${app}: a CommonJS package loaded before the hook is patched too`, async () => {
    assert.equal(await output(app), 'patched old');
  });
}
