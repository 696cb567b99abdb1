import { OWN_CALL_ATTRIBUTES } from '../../../../core/llm/own-attributes.ts';
import { text } from '../../../../core/signals/row.ts';
import type { SpanEvent } from '../../../../core/signals/span.ts';
import { KIB, milliseconds } from '../../../../core/units.ts';
import { failureOf } from '../dialects/calls.ts';
import { readSpan, type SpanReading } from '../dialects/index.ts';
import { keptFacts } from '../dialects/nervecenter.ts';
import { eventIdOf } from '../event-id.ts';
import type { OtlpAttributes, OtlpSpan, OtlpValue } from '../model.ts';
import { retrievalFacts } from './queries.ts';
import { senderOf } from './sender-of.ts';

/** Bounds of what is kept of a span. */
const VALUE_CHARS_MAX = KIB;
const SPAN_CHARS_MAX = 16 * KIB;
const WORD_CHARS_MAX = 128;
const LIST_MAX = 32;
const DEPTH_MAX = 3;
const NAME_CHARS_MAX = 255;

/**
 * Names of attributes that hold what somebody said, asked or sent, by any of their parts: `gen_ai.input.messages`,
 * `llm.input_messages.0.message.content`, `http.request.header.authorization`, `db.query.text`. A text that is one word
 * looks like a name; under these it is none.
 */
const SPOKEN: ReadonlySet<string> = new Set(
  [
    'answer answers args arguments authorization body completion completions content contents cookie credential',
    'credentials description document document_text entity_input entity_output header headers input input_messages',
    'instructions invocation_parameters key message messages metadata object output output_messages params parameters password payload prompt',
    'prompts query question reasoning response_text result results secret stacktrace statement system_instructions text',
    'token value values variables vector api_key apikey full fragment target path url',
  ].flatMap((line) => line.split(' ')),
);
/** Attributes that say whom work was for have an `@` in them; no other text with one is kept. */
const PEOPLE = ['user.email', 'enduser.email', 'enduser.id', 'user.id'];
/** What is chosen from a few, and may have a name of several words; as long as its column. */
const CHOSEN = [
  'user.department',
  'enduser.department',
  'department',
  'nervecenter.department',
  OWN_CALL_ATTRIBUTES.queryCategory,
  'gen_ai.provider.name',
];
const CHOSEN_CHARS_MAX = 50;

/**
 * A span as it is kept. Of its attributes there stay numbers and truth values, and texts that can only be names: one word of
 * at most 128 plain characters, under a name that does not speak of contents. A list of names that must go would have to
 * know every instrumentation's; a sentence has a space in it whoever wrote it.
 */
export function keptSpan(span: OtlpSpan, reading: SpanReading | null = readSpan(span)): SpanEvent {
  const found = retrievalFacts(span, reading);
  const room = { chars: SPAN_CHARS_MAX };
  return {
    signal: 'span',
    id: eventIdOf(span.traceId, span.spanId, span.endMs),
    timeMs: milliseconds(span.endMs),
    sender: senderOf(span.resource),
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: text(span.name, NAME_CHARS_MAX) ?? '',
    kind: span.kind,
    durationMs: milliseconds(Math.max(0, span.endMs - span.startMs)),
    status: span.status,
    errorType: span.status === 'error' ? failureOf(span) : null,
    scope: text(span.scope.name, NAME_CHARS_MAX) ?? '',
    attributes: keptOf(
      found === null ? span.allAttributes() : { ...span.allAttributes(), ...keptFacts(found) },
      room,
    ),
    events: keptEvents(span, room),
  };
}

interface Room {
  chars: number;
}

/** As JSON, a list of name, time after the span's beginning and attributes. */
function keptEvents({ events, startMs }: OtlpSpan, room: Room): string {
  let json = '';
  for (const event of events) {
    const name = JSON.stringify(text(event.name, NAME_CHARS_MAX));
    const one = `[${name},${event.timeMs - startMs},${keptOf(event.attributes, room)}]`;
    room.chars -= event.name.length + 32;
    if (room.chars <= 0) break;
    json += json === '' ? one : `,${one}`;
  }
  return `[${json}]`;
}

/** Of the JSON that is written, one after the other: added up bit by bit it would hold on to each of them. */
const PIECES: string[] = [];

/** What fits of what may be kept, as JSON: most is written as it is, which takes a third of the time of an object of it. */
function keptOf(attributes: OtlpAttributes, room: Room): string {
  PIECES.length = 0;
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined || key.length > WORD_CHARS_MAX) continue;
    const known = knownKey(key);
    const own = jsonOf(key, known, value);
    if (own === undefined) continue;
    const chars = typeof value === 'string' ? value.length : own.length;
    if (chars > VALUE_CHARS_MAX || room.chars < chars + key.length + 6) continue;
    room.chars -= chars + key.length + 6;
    PIECES.push(PIECES.length === 0 ? known.first : known.next, own);
  }
  if (PIECES.length === 0) return '{}';
  PIECES.push('}');
  return PIECES.join('');
}

/** What is kept of a value; `undefined`: nothing. */
function jsonOf(key: string, known: KnownKey, value: OtlpValue): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'string') return isName(known, value) ? quoted(known, value) : undefined;
  const kept = keptValue(key, value, 0);
  return kept === undefined ? undefined : JSON.stringify(kept);
}

/** What is one word, as all but what is chosen are, needs no escapes, except for this one. */
function quoted({ holds }: KnownKey, name: string): string {
  const isPlain = holds !== 'chosen' && !name.includes('\\');
  return isPlain ? `"${name}"` : JSON.stringify(name);
}

function keptValue(key: string, value: OtlpValue, depth: number): OtlpValue | undefined {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'string') return isName(knownKey(key), value) ? value : undefined;
  if (depth >= DEPTH_MAX) return undefined;
  if (Array.isArray(value)) return keptList(key, value, depth);
  const kept: Record<string, OtlpValue> = {};
  for (const [field, inner] of Object.entries(value)) {
    const own = keptValue(`${key}.${field}`, inner, depth + 1);
    if (own !== undefined) kept[field] = own;
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** A list of numbers is an embedding, of which nothing can be read, or a few: of those that are longer nothing is kept. */
function keptList(key: string, values: readonly OtlpValue[], depth: number): OtlpValue | undefined {
  if (values.length > LIST_MAX) return undefined;
  const kept = values.map((value) => keptValue(key, value, depth + 1));
  return kept.some((value) => value === undefined) ? undefined : (kept as OtlpValue[]);
}

function isName({ holds }: KnownKey, value: string): boolean {
  if (holds === 'chosen') return value.length <= CHOSEN_CHARS_MAX;
  return holds !== 'words' && isOneWord(value, holds === 'person');
}

/** What is known of an attribute by its name. */
interface KnownKey {
  /** As JSON, where it is the first of an object, and where it is not. */
  readonly first: string;
  readonly next: string;
  readonly holds: 'person' | 'chosen' | 'words' | 'names';
}

/** Names of attributes come again with every span; past so many they are found out anew. */
const KNOWN_KEYS_MAX = 2000;
const KNOWN_KEYS = new Map<string, KnownKey>();

function knownKey(key: string): KnownKey {
  const known = KNOWN_KEYS.get(key);
  if (known !== undefined) return known;
  const json = JSON.stringify(key);
  const found: KnownKey = { first: `{${json}:`, next: `,${json}:`, holds: heldBy(key) };
  if (key.length > WORD_CHARS_MAX) return found;
  if (KNOWN_KEYS.size >= KNOWN_KEYS_MAX) KNOWN_KEYS.clear();
  KNOWN_KEYS.set(key, found);
  return found;
}

function heldBy(key: string): KnownKey['holds'] {
  if (PEOPLE.includes(key)) return 'person';
  if (CHOSEN.includes(key)) return 'chosen';
  return isSpoken(key) ? 'words' : 'names';
}

/** Whether any part of an attribute's name says that its value is somebody's words, or a secret. */
function isSpoken(key: string): boolean {
  // Older conventions have it below the completion that was finished.
  if (key.endsWith('.finish_reason')) return false;
  let from = 0;
  for (let at = 0; at <= key.length; at++) {
    if (at < key.length && key[at] !== '.') continue;
    if (SPOKEN.has(key.slice(from, at).toLowerCase())) return true;
    from = at + 1;
  }
  return false;
}

/** What is quoted is a value in a document, however short. */
const QUOTES: ReadonlySet<number> = new Set([...'"\'`'].map((quote) => quote.charCodeAt(0)));
const AT = '@'.charCodeAt(0);

function isOneWord(value: string, withAt: boolean): boolean {
  if (value.length > WORD_CHARS_MAX) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || QUOTES.has(code) || (code === AT && !withAt)) return false;
  }
  return true;
}
