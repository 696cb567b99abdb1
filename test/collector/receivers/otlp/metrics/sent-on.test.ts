import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { OtlpAttributes } from '../../../../../src/collector/receivers/otlp/model.ts';
import { sourceOfResource } from '../../../../../src/collector/receivers/otlp/sender.ts';
import { Resources } from '../../../../../src/collector/sinks/otlp/encode/resources.ts';

const resources = () =>
  new Resources({ service: 'collector', instanceId: crypto.randomUUID(), attributes: {}, host: null });

/** What is sent on of a process that said this of itself. */
function sentOn(attributes: OtlpAttributes) {
  const source = sourceOfResource({ attributes });
  const known = resources();
  known.join(source);
  return { source, attributes: known.of(source).attributes as OtlpAttributes };
}

describe('a process that sends by OTLP', () => {
  it('goes on as what it said it is: its SDK and instance, nothing of the collector’s', () => {
    const told = {
      'service.name': 'billing',
      'service.namespace': 'shop',
      'service.instance.id': 'pod-7',
      'service.version': '1.2',
      'deployment.environment.name': 'prod',
      'telemetry.sdk.language': 'python',
      'telemetry.sdk.name': 'opentelemetry',
      'process.pid': 17,
    };
    assert.deepEqual(sentOn(told).attributes, told);
    const { 'service.instance.id': _, ...unnamed } = told;
    assert.deepEqual(sentOn(unnamed).attributes, unnamed);
  });

  it('is the same process to whoever receives it next, however much it says', () => {
    for (const attributes of [
      { 'service.name': 'billing', 'service.instance.id': 'pod-7', 'host.name': 'h' },
      { 'service.name': 'billing', 'service.namespace': 'n'.repeat(5000), 'process.pid': 1 },
      { 'service.namespace': ['a', 'b'], 'k8s.pod.name': 'p'.repeat(300) },
      Object.fromEntries([
        ...Array.from({ length: 500 }, (_, index) => [`app.${index}`, 'x'.repeat(900)]),
        ['service.name', 'billing'],
        ['host.name', 'h'],
      ]),
    ]) {
      const { source, attributes: next } = sentOn(attributes);
      assert.equal(sourceOfResource({ attributes: next }).instanceId, source.instanceId);
      assert.ok(Object.keys(next).length <= 64 && JSON.stringify(next).length < 10_000);
    }
  });
});

it('an agent’s process goes on as one of nervecenter’s SDK', () => {
  const source = sourceOfResource({ attributes: { 'service.name': 'app' } });
  const known = resources();
  known.join({ ...source, instrumentations: ['http'], resource: { 'host.arch': 'arm64' } });
  const { attributes } = known.of(source);
  assert.equal(attributes['telemetry.sdk.language'], 'nodejs');
  assert.equal(attributes['service.instance.id'], source.instanceId);
  assert.equal(attributes['host.arch'], 'arm64');
});
