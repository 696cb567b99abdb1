import type { InstrumentSpec, RecordMeasurement } from '../../core/signals/signal.ts';
import type { Agent } from '../instrumentation.ts';
import type { OnInvalid } from './input.ts';

/** Values given to the API that could not be used, by where and which. */
export const INPUT_REFUSALS: InstrumentSpec = {
  name: 'nervecenter.input.refused',
  kind: 'counter',
  unit: '{value}',
  description: 'Values given to the recorder or to ragQuery that could not be used.',
};

/** Counts every refusal and warns once per field. Recorders and fields are fixed names, so both stay bounded. */
export function refusals(agent: Agent, record: RecordMeasurement): OnInvalid {
  return (recorder, field, problem) => {
    record(INPUT_REFUSALS, 1, { 'nervecenter.recorder': recorder, 'nervecenter.field': field });
    agent.warnOnce(
      `${recorder}.${field}`,
      `${recorder}: ${field} ${problem}. Further ones are counted, not shown.`,
    );
  };
}
