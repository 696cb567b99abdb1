import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { Attributes } from '../frame.ts';
import { asked } from '../signals/facts.ts';
import { counterOf, histogramOf } from '../signals/instruments.ts';
import type { LlmCallEvent, PricedLlmCallEvent } from '../signals/llm-call.ts';
import { type Tokens, toSeconds } from '../units.ts';
import { CALL_COLUMNS } from './call-columns.ts';
import { ESTIMATED, RATE_LIMITED, UNPRICED } from './call-facts.ts';
import {
  type CallKind,
  kindOfCall,
  LLM_CACHE_SAVINGS,
  LLM_CACHE_WRITE_TOKENS,
  LLM_CACHED_TOKENS,
  LLM_CALL_INPUT_TOKENS,
  LLM_CALL_OUTPUT_TOKENS,
  LLM_COST,
  LLM_DURATIONS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
  LLM_ESTIMATED,
  LLM_FIRST_CHUNK,
  LLM_INPUT_TOKENS,
  LLM_OUTPUT_TOKENS,
  LLM_RATE_LIMITED,
  LLM_REASONING_TOKENS,
  LLM_UNPRICED,
  LLM_USAGE_MISMATCHES,
  TOKEN_MODALITY,
  type TokenModality,
} from './call-instruments.ts';
import { ABORTED, CALL_MODEL, CALL_OPERATION, CALL_PROVIDER } from './labels.ts';
import { completionTokens, promptTokens, type TokenUsage } from './usage.ts';

/** Models of all providers that are known by themselves; past it they are learned anew. */
const MODELS_KNOWN_MAX = 1000;

const isUnpriced = asked(UNPRICED, CALL_COLUMNS);
const isEstimated = asked(ESTIMATED, CALL_COLUMNS);
export const isRateLimited = asked(RATE_LIMITED, CALL_COLUMNS);

/** What metrics tell a call apart by. */
export function callAttributes({ operation, provider, model, labels }: LlmCallEvent): Attributes {
  return {
    [CALL_OPERATION]: operation,
    [CALL_PROVIDER]: labels?.provider ?? provider,
    [CALL_MODEL]: labels?.model ?? model,
  };
}

/** `error.type`, `null` where the call did not fail. */
function errorAttribute({ outcome, errorType, labels }: LlmCallEvent): string | null {
  if (outcome === 'ok') return null;
  return outcome === 'aborted' ? ABORTED : (labels?.errorType ?? errorType ?? '_OTHER');
}

/** A model as calls of one operation are measured: the same objects for each of them, which instruments know again. */
interface Model {
  readonly kind: CallKind;
  readonly attributes: Attributes;
  /** The same with a modality of tokens. */
  readonly of: Readonly<Record<TokenModality, Attributes>>;
}

function modelOf(event: LlmCallEvent): Model {
  const attributes = Object.freeze(callAttributes(event));
  const of = (modality: TokenModality) => Object.freeze({ ...attributes, [TOKEN_MODALITY]: modality });
  return {
    kind: kindOfCall(event.operation),
    attributes,
    of: { text: of('text'), image: of('image'), audio: of('audio'), unknown: of('unknown') },
  };
}

/** The models by operation, provider and name. */
class Models {
  readonly #known = new Map<string, Map<string, Map<string, Model>>>();
  #size = 0;

  of(event: LlmCallEvent): Model {
    const { operation, labels } = event;
    const name = labels?.model ?? event.model;
    const provider = labels?.provider ?? event.provider;
    return this.#known.get(operation)?.get(provider)?.get(name) ?? this.#add(event);
  }

  #add(event: LlmCallEvent): Model {
    if (this.#size >= MODELS_KNOWN_MAX) {
      this.#known.clear();
      this.#size = 0;
    }
    this.#size++;
    const { operation, provider, model, labels } = event;
    const added = modelOf(event);
    const providers = valueIn(this.#known, operation, () => new Map<string, Map<string, Model>>());
    const models = valueIn(providers, labels?.provider ?? provider, () => new Map<string, Model>());
    models.set(labels?.model ?? model, added);
    return added;
  }
}

function valueIn<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** What is known of a call by itself; what it cost is measured where the collector has found it. */
export function measureCalls(meter: Meter): (event: LlmCallEvent) => void {
  const models = new Models();
  const durations: Readonly<Record<CallKind, Histogram>> = {
    inference: histogramOf(meter, LLM_DURATIONS.inference),
    embeddings: histogramOf(meter, LLM_DURATIONS.embeddings),
    other: histogramOf(meter, LLM_DURATIONS.other),
  };
  const firstChunk = histogramOf(meter, LLM_FIRST_CHUNK);
  const estimated = counterOf(meter, LLM_ESTIMATED);
  const mismatches = counterOf(meter, LLM_USAGE_MISMATCHES);
  const rateLimited = counterOf(meter, LLM_RATE_LIMITED);
  const measureUsage = usageMeasure(meter);
  const measureCost = costMeasure(meter);
  return (event) => {
    const model = models.of(event);
    const { attributes } = model;
    const error = errorAttribute(event);
    const ended = error === null ? attributes : { ...attributes, 'error.type': error };
    durations[model.kind].record(toSeconds(event.durationMs), ended);
    if (event.firstTokenMs !== null) firstChunk.record(toSeconds(event.firstTokenMs), attributes);
    if (isEstimated(event)) estimated.add(1, attributes);
    if (event.usageMismatch) mismatches.add(1, attributes);
    if (isRateLimited(event)) rateLimited.add(1, attributes);
    measureUsage(event.usage, model, ended);
    if ('cost' in event) measureCost(event as PricedLlmCallEvent, attributes);
  };
}

/** @returns measures the usage of one call of a model, `ended` being its attributes with those of its failure. */
function usageMeasure(meter: Meter): (usage: TokenUsage | null, model: Model, ended: Attributes) => void {
  const inputCounter = counterOf(meter, LLM_INPUT_TOKENS);
  const outputCounter = counterOf(meter, LLM_OUTPUT_TOKENS);
  const input = histogramOf(meter, LLM_CALL_INPUT_TOKENS);
  const output = histogramOf(meter, LLM_CALL_OUTPUT_TOKENS);
  const embeddings = histogramOf(meter, LLM_EMBEDDINGS_INPUT_TOKENS);
  const measureParts = partsMeasure(meter);
  return (usage, model, ended) => {
    if (usage === null) {
      // By convention a call that tells no usage counts none, so that its series are there.
      if (model.kind !== 'inference') return;
      inputCounter.add(0, model.of.unknown);
      outputCounter.add(0, model.of.unknown);
      return;
    }
    const sent = promptTokens(usage);
    const made = completionTokens(usage);
    if (model.kind === 'embeddings') {
      embeddings.record(sent, model.attributes);
    } else {
      input.record(sent, ended);
      addInput(inputCounter, usage, model, sent);
    }
    if (model.kind !== 'embeddings' || made > 0) {
      output.record(made, ended);
      addOutput(outputCounter, usage, model, made);
    }
    measureParts(usage, model);
  };
}

/** The parts of input and output that have counters of their own; no provider tells their modality. */
function partsMeasure(meter: Meter): (usage: TokenUsage, model: Model) => void {
  const cacheRead = counterOf(meter, LLM_CACHED_TOKENS);
  const cacheWrite = counterOf(meter, LLM_CACHE_WRITE_TOKENS);
  const reasoning = counterOf(meter, LLM_REASONING_TOKENS);
  return (usage, { of }) => {
    const written = usage.cacheWrite5m + usage.cacheWrite1h;
    if (usage.cacheRead > 0) cacheRead.add(usage.cacheRead, of.unknown);
    if (written > 0) cacheWrite.add(written, of.unknown);
    if (usage.outputReasoning > 0) reasoning.add(usage.outputReasoning, of.unknown);
  };
}

/**
 * By convention tokens are text only where the provider counts them apart from images or sound; else nobody knows what they
 * are. Of what is cached or thought nobody ever says.
 */
function addInput(counter: Counter, usage: TokenUsage, { of }: Model, all: Tokens): void {
  const { inputAudio, inputImage, inputUncached } = usage;
  if (inputAudio === 0 && inputImage === 0) counter.add(all, of.unknown);
  else addApart(counter, of, [all, inputUncached, inputAudio, inputImage]);
}

function addOutput(counter: Counter, usage: TokenUsage, { of }: Model, all: Tokens): void {
  const { outputAudio, outputImage, outputText } = usage;
  if (outputAudio === 0 && outputImage === 0) counter.add(all, of.unknown);
  else addApart(counter, of, [all, outputText, outputAudio, outputImage]);
}

type Apart = readonly [all: number, text: number, audio: number, image: number];

function addApart(counter: Counter, of: Model['of'], [all, text, audio, image]: Apart): void {
  const unknown = all - text - audio - image;
  if (text > 0) counter.add(text, of.text);
  if (audio > 0) counter.add(audio, of.audio);
  if (image > 0) counter.add(image, of.image);
  if (unknown > 0) counter.add(unknown, of.unknown);
}

function costMeasure(meter: Meter): (event: PricedLlmCallEvent, attributes: Attributes) => void {
  const cost = counterOf(meter, LLM_COST);
  const unpriced = counterOf(meter, LLM_UNPRICED);
  const savings = counterOf(meter, LLM_CACHE_SAVINGS);
  return (event, attributes) => {
    const { usd, cacheSavingsUsd } = event.cost;
    if (usd !== null) cost.add(usd, attributes);
    else if (isUnpriced(event)) unpriced.add(1, attributes);
    if (cacheSavingsUsd !== null && cacheSavingsUsd > 0) savings.add(cacheSavingsUsd, attributes);
  };
}
