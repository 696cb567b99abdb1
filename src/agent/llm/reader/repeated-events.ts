/**
 * Texts that differ from event to event and say nothing. Like numbers they make no event another kind of event: no pattern
 * of a dialect's `StreamPatterns` looks at one of these keys, or at how large a number is.
 */
export const VARYING_KEYS = [
  'obfuscation',
  'p',
  'id',
  'item_id',
  'created_at',
  'timestamp',
  'system_fingerprint',
] as const;
/** Of what looks back from every place of a text the length is bounded: nobody puts more around a colon. */
const VARYING = new RegExp(
  `(?<="(?:${VARYING_KEYS.join('|')})"\\s{0,2}:\\s{0,2}")[^"\\\\]*(?=")|(?<="\\s{0,2}:\\s{0,2})\\d+(?:\\.\\d+)?(?=\\s{0,2}[,}])`,
  'g',
);
/** Each place that varies costs a comparison; events have one to three. */
const PLACES_MAX = 6;
/** An event with more that may vary is not cut. */
const CUT_PLACES_MAX = 2 * PLACES_MAX;
/** Of a longer event its word is the larger part, and looking at that cannot be saved. */
const EVENT_CHARS_MAX = 2048;
/** From a stream whose events are all different nothing is to be learned. */
const LESSONS_MAX = 16;

const QUOTE = 34;
const BACKSLASH = 92;
const DOT = 46;
const ZERO = 48;
const NINE = 57;

/** What events have in common: constant texts, one more than there are places between them where they differ. */
interface Shape {
  readonly constants: readonly string[];
  /** Which of the places is the word. */
  readonly word: number;
  /** The end of one event and the beginning of the next. */
  readonly joint: string;
}

/** One event, around its word. */
interface Example {
  readonly head: string;
  readonly tail: string;
  /** Cut at every place that may vary, where somebody asked. */
  parts: Parts | null;
}

/** One event cut at every place that may vary. */
interface Parts {
  readonly constants: readonly string[];
  readonly values: readonly string[];
  readonly word: number;
  /** Places at which it was seen to differ from the event before. */
  readonly varies: readonly boolean[];
}

/** Told of each event that was passed over: where its word begins, and where the event ends. */
export type Seen = (text: string, wordAt: number, end: number) => void;

/**
 * Nearly every event of a stream is the one before with another word in it. Once such an event was read, those that differ
 * from it only there are known by one comparison, without being cut out and searched; once two were read that differ in what
 * says nothing as well, so are those that do.
 */
export class RepeatedEvents {
  #shape: Shape | null = null;
  #last: Example | null = null;
  #lessons = 0;

  /** Passes over the known events from `at` on. @returns the end of the last one; `at` when there is none. */
  skip(text: string, at: number, seen: Seen): number {
    const shape = this.#shape;
    const [head = ''] = shape?.constants ?? [];
    if (shape === null || !text.startsWith(head, at)) return at;
    let begin = at;
    let from = at + head.length;
    for (;;) {
      const { wordAt, end } = lastPlace(text, from, shape);
      if (wordAt === -1) return begin;
      const joined = text.slice(end, end + shape.joint.length) === shape.joint;
      const tail = shape.constants[shape.constants.length - 1] ?? '';
      if (!joined && !text.startsWith(tail, end)) return begin;
      begin = end + tail.length;
      seen(text, wordAt, begin);
      if (!joined) return begin;
      from = end + shape.joint.length;
    }
  }

  /** Learns from an event with content that says nothing else. @param wordAt where its text begins, behind the quote. */
  learn(event: string, wordAt: number): void {
    const wordEnd = event.length > EVENT_CHARS_MAX ? -1 : endOfText(event, wordAt);
    if (wordEnd <= wordAt) return; // Its word has no plain end.
    const before = this.#last;
    if (before?.parts === null && isSame(before, event, wordAt, wordEnd)) return;
    if (this.#lessons++ >= LESSONS_MAX) return;
    const own = copied(event);
    const example: Example = { head: own.slice(0, wordAt), tail: own.slice(wordEnd), parts: null };
    this.#last = example;
    // As a rule nothing but the word differs, and nothing has to be cut.
    this.#shape = before === null ? shapeAround(example) : (this.#compared(before, example) ?? this.#shape);
  }

  /** `null`: they have nothing in common. */
  #compared(before: Example, example: Example): Shape | null {
    const parts = partsOf(example);
    example.parts = parts && compared(parts, before.parts ?? partsOf(before));
    return example.parts?.varies.includes(true) === true ? shapeOf(example.parts) : null;
  }

  /** No more comes: nothing of the text stays. */
  forget(): void {
    this.#shape = null;
    this.#last = null;
  }
}

const NOWHERE = { wordAt: -1, end: -1 };

/** Follows an event from its first place that varies to the end of its last one. */
function lastPlace(text: string, start: number, { constants, word }: Shape): typeof NOWHERE {
  const last = constants.length - 2;
  let from = start;
  let wordAt = -1;
  for (let place = 0; ; place++) {
    const next = constants[place + 1] ?? '';
    const end = next.charCodeAt(0) === QUOTE ? endOfText(text, from) : endOfNumber(text, from);
    if (end === -1) return NOWHERE;
    if (place === word) {
      if (end === from) return NOWHERE; // Without a word it is another kind of event.
      wordAt = from;
    }
    if (place === last) return { wordAt, end };
    if (text.slice(end, end + next.length) !== next) return NOWHERE;
    from = end + next.length;
  }
}

/** The quote that ends a text; -1 when there is none, or it cannot be told at a glance that it does. */
function endOfText(text: string, from: number): number {
  const quote = text.indexOf('"', from);
  return quote > from && text.charCodeAt(quote - 1) === BACKSLASH ? -1 : quote;
}

function endOfNumber(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if ((char < ZERO || char > NINE) && char !== DOT) break;
  }
  return at === from ? -1 : at;
}

/** Nothing but the word differs. */
function isSame({ head, tail }: Example, event: string, wordAt: number, wordEnd: number): boolean {
  return event.slice(0, wordAt) === head && event.slice(wordEnd) === tail;
}

/** A slice would keep all that it is cut from. */
function copied(slice: string): string {
  return Buffer.from(slice, 'latin1').toString('latin1');
}

function shapeAround({ head, tail }: Example): Shape {
  return { constants: [head, tail], word: 0, joint: tail + head };
}

/** `null` when too much may vary. */
function partsOf({ head, tail }: Example): Parts | null {
  const constants: string[] = [];
  const values: string[] = [];
  /** Gives what is behind the last place. */
  const cut = (text: string) => {
    let from = 0;
    for (const { index, 0: value } of text.matchAll(VARYING)) {
      constants.push(text.slice(from, index));
      values.push(value);
      from = index + value.length;
    }
    return text.slice(from);
  };
  constants.push(cut(head));
  const word = values.push('') - 1;
  constants.push(cut(tail));
  if (values.length > CUT_PLACES_MAX) return null;
  return { constants, values, word, varies: values.map((_, at) => at === word) };
}

/** Notes what differs from the event before; that the word does is certain only where that was one of its kind. */
function compared(parts: Parts, before: Parts | null): Parts {
  const { constants, values, word } = parts;
  const isAlike =
    before?.word === word &&
    before.constants.length === constants.length &&
    constants.every((constant, at) => constant === before.constants[at]);
  const varies = values.map(
    (value, at) => isAlike && (at === word || before.varies[at] === true || value !== before.values[at]),
  );
  return { ...parts, varies };
}

/** Puts together again what did not differ. */
function shapeOf({ constants, values, word, varies }: Parts): Shape | null {
  const joined = [constants[0] ?? ''];
  let place = -1;
  for (const [at, value] of values.entries()) {
    const next = constants[at + 1] ?? '';
    if (varies[at] === true) {
      joined.push(next);
      if (at <= word) place++;
    } else joined.push(`${joined.pop() ?? ''}${value}${next}`);
  }
  if (joined.length - 1 > PLACES_MAX) return null;
  return { constants: joined, word: place, joint: `${joined.at(-1) ?? ''}${joined[0] ?? ''}` };
}
