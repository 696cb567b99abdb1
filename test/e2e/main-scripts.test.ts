import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { PRELOAD } from '../support/observed-app.ts';

/** Every way to say what Node is to run; output of a test runner holds durations, which are left out. */
const WAYS: readonly { readonly args: readonly string[]; readonly input?: string }[] = [
  { args: ['noop.js'] },
  { args: ['./noop.js'] },
  { args: ['noop'] },
  { args: ['.'] },
  { args: ['--eval', 'console.log(1)'] },
  { args: ['--print', '1'] },
  { args: ['--input-type=module', '--eval', 'console.log(1)'] },
  { args: ['--check', 'noop.js'] },
  { args: ['-'], input: 'console.log(1)' },
  { args: [], input: 'console.log(1)' },
  { args: ['--interactive'], input: '1 + 1' },
  { args: ['--test', '--test-reporter=tap', 'one.test.js'] },
  { args: ['--test', '--test-reporter=tap'] },
  { args: ['--run', 'noop'] },
  { args: ['missing.js'] },
  { args: ['broken.js'] },
  { args: ['--version'] },
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  const files = {
    'noop.js': "console.log('noop', require.main === module)",
    'broken.js': 'throw new Error("its own")',
    'one.test.js': "require('node:test').test('one', () => {})",
    'package.json': '{"name": "ways", "main": "noop.js", "scripts": {"noop": "node noop.js"}}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(args: readonly string[], input: string | undefined) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: directory,
    env: { PATH: process.env['PATH'], HOME: directory, NERVECENTER_PORT: '0' },
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
  const untimed = (text: string) => text.replaceAll(/duration_ms:? [\d.]+/g, 'duration_ms');
  return { status, signal, stdout: untimed(stdout), stderr: untimed(stderr) };
}

describe('a script that is over at once runs as it does without the agent', () => {
  for (const { args, input } of WAYS) {
    it(`node ${args.join(' ')}${input === undefined ? '' : ' < script'}`, () => {
      assert.deepEqual(run(['--require', PRELOAD, ...args], input), run(args, input));
      assert.equal(existsSync(join(directory, '.nervecenter')), false);
    });
  }
});
