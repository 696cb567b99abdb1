import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { importsOf, ROOT, sourceFiles } from './source-tree.ts';

/** What the product stands on, and where each of them is first taken into use. */
const IN_USE: Readonly<Record<string, string>> = {
  '@opentelemetry/api': 'src/metrics/series.ts',
  '@opentelemetry/configuration': 'src/config/file/config-file.ts',
  '@opentelemetry/sdk-metrics': 'src/metrics/snapshot-reader.ts',
  '@opentelemetry/sdk-node': 'src/agent/sdk/node-sdk.ts',
  '@opentelemetry/exporter-prometheus': 'src/agent/metrics/prometheus-server.ts',
  pg: 'src/collector/sinks/postgres/connect/connection.ts',
  systeminformation: 'src/collector/host/system-information.ts',
  ws: 'src/collector/server/viewers.ts',
  yaml: 'src/config/file/config-file.ts',
};

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

describe('the packages the product stands on', () => {
  for (const [name, path] of Object.entries(IN_USE)) {
    it(`${name} is imported at run time by ${path}`, () => {
      const [file] = sourceFiles(['src']).filter((one) => one.path === path);
      assert.ok(file !== undefined, path);
      const imported = importsOf(file).filter(({ target, typeOnly }) => target === name && !typeOnly);
      assert.equal(imported.length, 1, path);
    });
  }

  it('are dependencies in exact versions, and so is every other', () => {
    for (const name of Object.keys(IN_USE)) assert.ok(Object.hasOwn(dependencies, name), name);
    const inexact = Object.entries(dependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    assert.deepEqual(inexact, []);
  });

  it('are what an installation without tools has', () => {
    const npm = process.env['npm_execpath'];
    const [file, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm];
    const args = [...first, 'ls', '--omit=dev', '--depth=0', '--json'];
    const listed = JSON.parse(execFileSync(file ?? '', args, { cwd: ROOT, encoding: 'utf8' })) as {
      readonly dependencies: Readonly<Record<string, { readonly version: string }>>;
    };
    for (const name of Object.keys(IN_USE)) {
      assert.equal(listed.dependencies[name]?.version, dependencies[name], name);
    }
  });
});
