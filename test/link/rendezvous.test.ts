import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { rendezvousPath } from '../../src/link/rendezvous.ts';

describe('rendezvousPath', { skip: process.platform === 'win32' }, () => {
  const tmpdirBefore = process.env['TMPDIR'];
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    process.env['TMPDIR'] = directory;
  });
  afterEach(() => {
    if (tmpdirBefore === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = tmpdirBefore;
    rmSync(directory, { recursive: true, force: true });
  });

  it('is one place per port, in a directory that only the user may enter', () => {
    const path = rendezvousPath(4000);
    assert.equal(path, rendezvousPath(4000));
    assert.notEqual(path, rendezvousPath(4001));
    assert.equal(statSync(dirname(path ?? '')).mode & 0o777, 0o700);
  });

  it('is nowhere for port 0, which is nobody’s in particular', () => {
    assert.equal(rendezvousPath(0), null);
  });

  it('is nowhere when the directory is open to others', () => {
    const shared = join(directory, `nervecenter-${process.getuid?.()}`);
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    assert.equal(rendezvousPath(4000), null);
  });

  it('is nowhere when there is no temporary directory to write to', () => {
    process.env['TMPDIR'] = '/dev/null/nothing';
    assert.equal(rendezvousPath(4000), null);
  });
});
