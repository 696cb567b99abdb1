import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { configFileNotice } from '../../../src/config/file/config-file.ts';

const CWD = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(CWD, { recursive: true, force: true }));
const NAMED = { OTEL_CONFIG_FILE: 'otel.yaml' };

/** What is told of a file in an app, and that nothing of it is taken. */
function refused(content: string): string {
  writeFileSync(join(CWD, 'otel.yaml'), content);
  const config = readConfig(NAMED, CWD, { reader: 'app' });
  assert.deepEqual([config.otlpTargets, config.local, config.service], [[], 'on', 'app']);
  const { problem = null } = config.configFile ?? {};
  assert.throws(() => readConfig(NAMED, CWD), { code: 'NC_CONFIG_INVALID', message: problem ?? '' });
  const notice = config.configFile && configFileNotice(config.configFile);
  assert.equal(notice, `${problem} Nothing is sent until then.`);
  return problem ?? '';
}

describe('a configuration file that cannot be used', () => {
  const provider = (exporter: string) =>
    `file_format: "1.0"\ntracer_provider: {processors: [{batch: {exporter: ${exporter}}}]}`;
  const reader = (fields: string) => `file_format: "1.0"\nmeter_provider: {readers: [{${fields}}]}`;
  const cases: [title: string, content: string, problem: RegExp][] = [
    [
      'is no YAML',
      'file_format: "1.0"\na: "se-cret\n',
      /expected YAML, got a mistake in line \d \(MISSING_CHAR\)/,
    ],
    [
      'says something twice',
      'file_format: "1.0"\ndisabled: true\ndisabled: false',
      /line 3 \(DUPLICATE_KEY\)/,
    ],
    [
      'is empty',
      '',
      /expected what OpenTelemetry's schema 1\.0 or 1\.1 allows, got what it refuses: Unsupported file_format/,
    ],
    [
      'is of another version',
      'file_format: "2.0"',
      /Unsupported file_format: "2\.0"\. This SDK supports schema version 1\.x/,
    ],
    [
      'has what the schema does not',
      provider('{otlp_http: {strange: 1}}'),
      /\/tracer_provider\/processors\/0\/batch\/exporter\/otlp_http must NOT have additional properties/,
    ],
    [
      'substitutes what is no variable',
      `file_format: "1.0"\nlog_level: $\{a b}`,
      /invalid env var substitution: \$\{a b\}/,
    ],
    [
      'sends to no URL',
      provider('{otlp_http: {endpoint: nowhere}}'),
      /in otel\.yaml, tracer_provider\.processors\[0\]\.batch\.exporter\.otlp_http\.endpoint: expected a URL such as http:\/\/localhost:4318\/v1\/traces, got "nowhere"/,
    ],
    [
      'has a header that would break a request',
      provider('{otlp_http: {headers: [{name: "a b", value: se-cret}]}}'),
      /otlp_http\.headers: expected names and values of headers, got "something else"/,
    ],
    [
      'has a list of headers that would',
      provider('{otlp_http: {headers_list: "se-cret"}}'),
      /headers_list: expected pairs such as api-key=secret, got "something else"/,
    ],
    [
      'sends metrics too often',
      reader('periodic: {interval: 10, exporter: {otlp_http: }}'),
      /readers\[0\]\.periodic\.interval: expected a whole number from 100 to 3600000, got "10"/,
    ],
    [
      'listens on no port',
      reader('pull: {exporter: {prometheus/development: {port: 0}}}'),
      /prometheus\/development\.port: expected a whole number from 1 to 65535, got "0"/,
    ],
    [
      'is too large',
      `file_format: "1.0" #${' '.repeat(1024 ** 2)}`,
      /expected a file of at most 1048576 bytes/,
    ],
  ];
  for (const [title, content, expected] of cases) {
    it(`${title}: it is told in a line, and nothing is sent`, () => {
      const problem = refused(content);
      assert.match(problem, expected);
      assert.match(problem, /^OTEL_CONFIG_FILE: in otel\.yaml, .*\. Correct it or unset it\.$/);
      assert.ok(!problem.includes('se-cret') && problem.length < 500, problem);
    });
  }

  it('is not there', () => {
    rmSync(join(CWD, 'otel.yaml'));
    const { configFile } = readConfig(NAMED, CWD, { reader: 'app' });
    assert.equal(
      configFile?.problem,
      'OTEL_CONFIG_FILE: expected the path of a configuration file of OpenTelemetry that can be read, got "otel.yaml (ENOENT)". Correct it or unset it.',
    );
  });
});
