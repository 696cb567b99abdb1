import { CallLabels } from '../../core/llm/call-labels.ts';
import { type Agent, rootOf } from '../instrumentation.ts';

const labelsByAgent = new WeakMap<Agent, CallLabels>();

/** The one bound of an agent, however its calls are seen. */
export function callLabelsOf(variant: Agent): CallLabels {
  const agent = rootOf(variant);
  const known = labelsByAgent.get(agent);
  if (known !== undefined) return known;
  const onFolded = (attribute: string) => agent.labelFolded(attribute);
  const labels = new CallLabels(onFolded, () => agent.clock.monotonicMs());
  labelsByAgent.set(agent, labels);
  return labels;
}
