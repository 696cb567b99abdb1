import type { CounterSpec } from '../../../core/signals/instruments.ts';

/** What became of what OTLP senders sent; refused ones are told to the sender as well. */
export const OTLP_OUTCOMES: CounterSpec = {
  name: 'nervecenter.otlp.outcomes',
  kind: 'counter',
  unit: '{record}',
  description: 'Metric points and log records received by OTLP, by signal and outcome.',
};

/** Exceptions that apps tell of as log records. */
export const OTLP_EXCEPTIONS: CounterSpec = {
  name: 'nervecenter.otlp.exceptions',
  kind: 'counter',
  unit: '{exception}',
  description: 'Exceptions in log records received by OTLP, by service.name and exception.type.',
};
