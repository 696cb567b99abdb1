import type { Meter } from '@opentelemetry/api';
import { type CounterSpec, counterOf } from '../../core/signals/instruments.ts';
import type { Agent } from '../instrumentation.ts';
import type { OnInvalid } from './input.ts';

/** Values given to the API that could not be used, by where and which. */
export const INPUT_REFUSALS: CounterSpec = {
  name: 'nervecenter.input.refused',
  kind: 'counter',
  unit: '{value}',
  description: 'Values given to the recorder or to ragQuery that could not be used.',
};

/** Counts every refusal and warns once per field. Recorders and fields are fixed names, so both stay bounded. */
export function refusals(agent: Agent, meter: Meter): OnInvalid {
  const refused = counterOf(meter, INPUT_REFUSALS);
  return (recorder, field, problem) => {
    refused.add(1, { 'nervecenter.recorder': recorder, 'nervecenter.field': field });
    agent.warnOnce(
      `${recorder}.${field}`,
      `${recorder}: ${field} ${problem}. Further ones are counted, not shown.`,
    );
  };
}
