import type { Attributes } from '../../../../core/frame.ts';
import {
  CALL_INSTRUMENTS,
  kindOfCall,
  LLM_CALL_INPUT_TOKENS,
  LLM_CALL_OUTPUT_TOKENS,
  LLM_CHUNK_GAPS,
  LLM_DURATIONS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
  LLM_FIRST_CHUNK,
  LLM_INPUT_TOKENS,
  LLM_OTHER_DURATION,
  LLM_OUTPUT_TOKENS,
} from '../../../../core/llm/call-instruments.ts';
import { CALL_OPERATION } from '../../../../core/llm/labels.ts';
import { OLDER_INSTRUMENTS, olderName } from '../../../../core/llm/older-names.ts';
import { SIGNALS, type SignalName } from '../../../../core/signals/index.ts';
import type { InstrumentSpec } from '../../../../core/signals/instruments.ts';
import { REQUEST_DURATION } from '../../../../core/signals/request.ts';
import { WS_SESSION_DURATION } from '../../../../core/signals/ws-session.ts';
import { bounded, callAttributes, requestAttributes } from '../attributes.ts';
import type { OtlpLabels } from '../labels.ts';
import type { OtlpAttributes } from '../model.ts';

/** A metric that figures of the snapshot are made of. */
export interface KnownMetric {
  /** Ours, or one of an earlier convention, which `currentPoints` turns into ours. */
  readonly instrument: InstrumentSpec;
  /** What else may tell the same, `null` where nothing does. */
  readonly subject: SignalName | null;
  /** The unit where the sender gives none. */
  readonly unit: string;
  /** `null` where this series is not among the figures. */
  readonly attributes: (attributes: OtlpAttributes, labels: OtlpLabels) => Attributes | null;
  /** Senders may give the same figures by the names of two conventions: those have one family. */
  readonly family: (attributes: OtlpAttributes) => string;
  /** The later one counts. */
  readonly generation: (attributes: OtlpAttributes) => number;
}

const OLDER = 0;
const CURRENT = 1;

const REQUESTS: KnownMetric = {
  instrument: REQUEST_DURATION,
  subject: 'request',
  unit: 's',
  attributes: requestAttributes,
  family: () => 'requests',
  generation: () => CURRENT,
};

/** The counter of tokens and the histogram per call say the same as one older histogram of both types. */
const TOKENS = [
  LLM_INPUT_TOKENS,
  LLM_OUTPUT_TOKENS,
  LLM_CALL_INPUT_TOKENS,
  LLM_CALL_OUTPUT_TOKENS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
];
const NAMES_OF_TOKENS = familyOf(TOKENS);
const NAMES_OF_GAPS = familyOf([LLM_CHUNK_GAPS]);
const FAMILIES: readonly ReadonlySet<string>[] = [
  NAMES_OF_TOKENS,
  NAMES_OF_GAPS,
  familyOf([LLM_FIRST_CHUNK]),
  familyOf(Object.values(LLM_DURATIONS)),
];

function familyOf(instruments: readonly InstrumentSpec[]): ReadonlySet<string> {
  return new Set(instruments.flatMap(({ name }) => [name, olderName(name)?.instrument.name ?? name]));
}

function knownCall(instrument: InstrumentSpec): KnownMetric {
  const { name, unit } = instrument;
  const [family] = FAMILIES.find((names) => names.has(name)) ?? [name];
  const isOlder = OLDER_INSTRUMENTS.some((older) => older.name === name);
  return {
    instrument,
    subject: NAMES_OF_GAPS.has(name) ? null : 'llm-call',
    unit,
    attributes: callAttributes,
    family: (attributes) => `${family} ${kindOfCall(attributes[CALL_OPERATION])}`,
    // The older name of all durations is today's of those of other operations.
    generation: (attributes) => {
      if (name === LLM_OTHER_DURATION.name) {
        return kindOfCall(attributes[CALL_OPERATION]) === 'other' ? CURRENT : OLDER;
      }
      return isOlder ? OLDER : CURRENT;
    },
  };
}

/** Ours, which only another nervecenter sends, and gauges of processes by convention. */
function knownAsIs(instrument: InstrumentSpec, subject: SignalName | null): KnownMetric {
  return {
    instrument,
    subject,
    unit: instrument.unit,
    attributes: (attributes) => bounded(attributes),
    family: () => instrument.name,
    generation: () => CURRENT,
  };
}

/** What is a host's is told of one host by name (`passed-on.ts`), and never mixed with this one's. */
const isOfHost = ({ name }: InstrumentSpec): boolean => name.startsWith('system.');
const SYSTEM = SIGNALS.system.instruments.filter((instrument) => !isOfHost(instrument));

const KNOWN = new Map<string, KnownMetric>([
  ...[...SIGNALS.cache.instruments, ...SIGNALS['ws-session'].instruments, ...SYSTEM].map(
    (instrument): [string, KnownMetric] => [
      instrument.name,
      knownAsIs(instrument, instrument === WS_SESSION_DURATION ? 'ws-session' : null),
    ],
  ),
  ...SIGNALS['rag-query'].instruments.map((instrument): [string, KnownMetric] => [
    instrument.name,
    knownAsIs(instrument, 'rag-query'),
  ]),
  ...[...CALL_INSTRUMENTS, ...OLDER_INSTRUMENTS].map((instrument): [string, KnownMetric] => [
    instrument.name,
    knownCall(instrument),
  ]),
  [REQUEST_DURATION.name, REQUESTS],
  ['http.server.duration', { ...REQUESTS, unit: 'ms', generation: () => OLDER }],
]);

export function knownMetric(name: string): KnownMetric | undefined {
  return KNOWN.get(name);
}

/** Whether others may say the same by a later name: to be read after them. */
export function isOlderName(name: string): boolean {
  return (
    name === 'http.server.duration' ||
    OLDER_INSTRUMENTS.some((older) => older.name === name) ||
    name === LLM_OTHER_DURATION.name
  );
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9, min: 60, h: 3600 };

/** What a value of a sender's unit is multiplied with; 1 where ours is no time, or the sender's is none that is known. */
export function factorTo(unit: string, { instrument, unit: assumed }: KnownMetric): number {
  if (instrument.unit !== 's') return 1;
  const told = Object.hasOwn(SECONDS, unit) ? unit : assumed;
  return SECONDS[told] ?? 1;
}
