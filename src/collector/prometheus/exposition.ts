import type { MetricFamily } from '../metric-family.ts';
import type { FamilyWriter } from './family-writer.ts';
import type { Format } from './format.ts';
import { familyName } from './names.ts';
import { ProtobufWriter } from './protobuf.ts';
import { TextWriter } from './text.ts';

/**
 * The metrics as a scraper reads them, in chunks (some of them empty), so that the caller can let others run in between.
 *
 * Names and labels follow OpenTelemetry's compatibility convention. What would repeat a sample already written (two names
 * or label sets that become equal) is left out, because a scraper would refuse all of it; the last family,
 * `nervecenter_exposition_omitted_series`, says how many.
 */
export function* exposition(
  families: Iterable<MetricFamily>,
  format: Format,
): Generator<string | Uint8Array> {
  const writer: FamilyWriter =
    format === 'protobuf' ? new ProtobufWriter() : new TextWriter(format === 'openmetrics');
  const taken = new Set<string>();
  let omitted = 0;
  for (const family of families) {
    const named = { ...family, ...familyName(family) };
    const samples = sampleNames(named);
    if (samples.some((sample) => taken.has(sample))) {
      for (const _ of family.series) omitted++;
      continue;
    }
    for (const sample of samples) taken.add(sample);
    yield* writer.write(named);
  }
  yield* writer.write({
    name: 'nervecenter_exposition_omitted_series',
    unit: '',
    description: 'Series left out of this scrape because their Prometheus name and labels are taken.',
    kind: 'gauge',
    series: [{ attributes: {}, value: omitted + writer.omitted }],
  });
  if (format === 'openmetrics') yield '# EOF\n';
}

function sampleNames({ name, kind }: Pick<MetricFamily, 'name' | 'kind'>): string[] {
  if (kind === 'gauge') return [name];
  if (kind === 'info') return [name, `${name}_info`];
  if (kind === 'counter') return [name, `${name}_total`, `${name}_created`];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`, `${name}_created`];
}
