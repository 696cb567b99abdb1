import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { defaultOf, SETTING_NAMES } from '../../src/config/settings.ts';
import { nervecenter } from './command.ts';

const cwd = tmpdir();
const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
) as { readonly version: string };

describe('nervecenter', () => {
  for (const flag of ['--help', '-h']) {
    it(`${flag} lists the commands`, async () => {
      const { code, stdout, stderr } = await nervecenter([flag], { cwd });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^usage: nervecenter \[command\] \[options\]\n/);
      assert.deepEqual(stdout.match(/(?<=^ {2})\w+/gm), [
        'collector',
        'top',
        'url',
        'token',
        'migrate',
        'prune',
        'export',
        'reprice',
        'forget',
        'doctor',
        'init',
      ]);
      for (const line of stdout.match(/^ {4}--.*/gm) ?? []) assert.match(line, /^ {4}--\S+ {2,}\S/);
    });
  }

  it('--help settings lists every setting with its default, in lines a terminal holds', async () => {
    const { code, stdout, stderr } = await nervecenter(['--help', 'settings'], { cwd });
    assert.deepEqual([code, stderr], [0, '']);
    const listed = [...stdout.matchAll(/^ {2}(\S+)(?: |\n {4})\((.*)\)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    assert.deepEqual(listed.toSorted(), SETTING_NAMES.map((name) => [name, defaultOf(name)]).toSorted());
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
    );
  });

  for (const flag of ['--version', '-v']) {
    it(`${flag} prints the package's version and nothing else`, async () => {
      assert.deepEqual(await nervecenter([flag], { cwd }), { code: 0, stdout: `${version}\n`, stderr: '' });
    });
  }

  for (const { args, what } of [
    { args: ['dance'], what: 'command "dance"' },
    { args: ['constructor'], what: 'command "constructor"' },
    { args: ['doctor', 'who'], what: 'command "doctor who"' },
    { args: ['doctor', '--fast'], what: 'option "--fast"' },
    { args: ['-x'], what: 'option "-x"' },
    { args: ['migrate', '--down=0', '--dry-run=true'], what: 'value of --dry-run: it stands alone' },
    { args: ['forget', '--user=ada', '--dry-run='], what: 'value of --dry-run: it stands alone' },
    { args: ['top', '--once=true'], what: 'value of --once: it stands alone' },
  ]) {
    it(`refuses "${args.join(' ')}" and says what there is`, async () => {
      const { code, stdout, stderr } = await nervecenter(args, { cwd });
      assert.deepEqual([code, stdout], [2, '']);
      assert.ok(stderr.startsWith(`nervecenter: there is no ${what}.\nusage: `), stderr);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }
});
