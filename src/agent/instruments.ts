import type { Meter } from '@opentelemetry/api';
import type { Attributes } from '../core/frame.ts';
import type { InstrumentSpec, RecordMeasurement } from '../core/signal.ts';

type RecordValue = (value: number, attributes: Attributes) => void;

/** Makes the OpenTelemetry instruments of `specs` and returns the one function that records on any of them. */
export function createInstruments(meter: Meter, specs: readonly InstrumentSpec[]): RecordMeasurement {
  const instruments = new Map(specs.map((spec) => [spec, recorderOf(meter, spec)]));
  return (spec, value, attributes) => {
    // A NaN is accepted by counters and poisons their sum for ever; a sender's bug must not become ours.
    if (Number.isFinite(value)) instruments.get(spec)?.(value, attributes);
  };
}

function recorderOf(meter: Meter, { name, kind, unit, description }: InstrumentSpec): RecordValue {
  const options = { unit, description };
  switch (kind) {
    case 'counter': {
      const counter = meter.createCounter(name, options);
      return (value, attributes) => counter.add(value, attributes);
    }
    case 'histogram': {
      const histogram = meter.createHistogram(name, options);
      return (value, attributes) => histogram.record(value, attributes);
    }
    case 'gauge': {
      const gauge = meter.createGauge(name, options);
      return (value, attributes) => gauge.record(value, attributes);
    }
    case 'updown': {
      const upDown = meter.createUpDownCounter(name, options);
      return (value, attributes) => upDown.add(value, attributes);
    }
  }
}
