import { LLM_CHUNK_GAPS } from '../../core/llm/call-instruments.ts';
import { FOLDED_LABEL, FOLDED_LABELS } from '../../core/llm/labels.ts';
import { counterOf } from '../../core/signals/instruments.ts';
import { GIVEN_UP, GIVEN_UP_REASON } from '../../core/unfinished-observations.ts';
import type { DeltaMeter } from '../../metrics/meter-provider.ts';
import type { Agent } from '../instrumentation.ts';

export type Observations = Pick<Agent, 'labelFolded' | 'gaveUp' | 'chunkGaps'>;

/** Makes the instruments of what is in no event and no tally, and gives back what records on them. */
export function observationsMeasure(meter: DeltaMeter): Observations {
  const foldedLabels = counterOf(meter, FOLDED_LABELS);
  const givenUp = counterOf(meter, GIVEN_UP);
  const { name, unit, description } = LLM_CHUNK_GAPS;
  const chunkGaps = meter.createHistogram(name, { unit, description });
  return {
    labelFolded: (attribute) => foldedLabels.add(1, { [FOLDED_LABEL]: attribute }),
    gaveUp: (reason, count = 1) => givenUp.add(count, { [GIVEN_UP_REASON]: reason }),
    chunkGaps: (gaps, attributes) => chunkGaps.merge(gaps, attributes),
  };
}
