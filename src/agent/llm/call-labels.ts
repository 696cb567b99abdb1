import { CallLabels } from '../../core/llm/call-labels.ts';
import type { Agent } from '../instrumentation.ts';

const labelsByAgent = new WeakMap<Agent, CallLabels>();

/** The one bound of an agent, however its calls are seen. */
export function callLabelsOf(agent: Agent): CallLabels {
  const known = labelsByAgent.get(agent);
  if (known !== undefined) return known;
  const labels = new CallLabels((attribute) => agent.labelFolded(attribute));
  labelsByAgent.set(agent, labels);
  return labels;
}
