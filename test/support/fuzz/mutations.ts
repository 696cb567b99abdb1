const MUTATIONS_MAX = 6;
const INSERTED_BYTES_MAX = 12;
const REPEATED_BYTES_MAX = 64;
const REPEATS_MAX = 200;

/** Picks numbers, the same ones for the same seed: Marsaglia's xorshift. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Spread, so that seeds one beside the other begin differently; zero would stay zero.
    this.#state = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) || 1;
    for (let warmUp = 0; warmUp < 4; warmUp++) this.below(2);
  }

  /** A whole number from 0 to `end`, without that. */
  readonly below = (end: number): number => {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % end;
  };

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

type Below = Random['below'];
type Mutation = (bytes: Buffer, below: Below) => Buffer;

const spliced = (bytes: Buffer, at: number, removed: number, added: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]);
const place = (bytes: Buffer, below: Below) => below(bytes.length + 1);

/** What parsers stumble over: of JSON, of lines, of lengths. */
const TOKENS = ['[', '{', '"', '1e999', 'null', '\\u0000', '-0', '\r', '\n\n', '\\', ']', '}', '__proto__'];
/** Lengths and counts at the ends of what fits. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

const MUTATIONS: readonly Mutation[] = [
  (bytes, below) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy.writeUInt8(below(256), below(copy.length));
    return copy;
  },
  (bytes, below) => {
    const copy = Buffer.from(bytes);
    const at = place(copy, below);
    if (at < copy.length) copy.writeUInt8((copy[at] ?? 0) ^ (1 << below(8)), at);
    return copy;
  },
  (bytes, below) => bytes.subarray(0, place(bytes, below)),
  (bytes, below) => spliced(bytes, place(bytes, below), below(8), Buffer.alloc(0)),
  (bytes, below) => {
    const added = Buffer.from(Array.from({ length: below(INSERTED_BYTES_MAX) }, () => below(256)));
    return spliced(bytes, place(bytes, below), 0, added);
  },
  (bytes, below) => {
    const from = place(bytes, below);
    const again = bytes.subarray(from, from + below(REPEATED_BYTES_MAX));
    return spliced(bytes, place(bytes, below), 0, again);
  },
  (bytes, below) => spliced(bytes, place(bytes, below), 1, Buffer.alloc(10, 0xff)),
  (bytes, below) =>
    spliced(bytes, place(bytes, below), below(4), Buffer.from(TOKENS[below(TOKENS.length)] ?? '')),
  (bytes, below) => {
    const token = TOKENS[below(TOKENS.length)] ?? '';
    return spliced(bytes, place(bytes, below), 0, Buffer.from(token.repeat(below(REPEATS_MAX))));
  },
  (bytes, below) => {
    const copy = Buffer.from(bytes);
    const edge = EDGES[below(EDGES.length)] ?? 0;
    if (copy.length < 4) return copy;
    const at = below(copy.length - 3);
    if (below(2) === 0) copy.writeUInt32LE(edge, at);
    else copy.writeUInt32BE(edge, at);
    return copy;
  },
];

/** One change to some bytes. */
export function mutatedOnce(bytes: Buffer, { below }: Pick<Random, 'below'>): Buffer {
  return MUTATIONS[below(MUTATIONS.length)]?.(bytes, below) ?? bytes;
}

/** One change to some bytes, or up to six. */
export function mutated(bytes: Buffer, random: Pick<Random, 'below'>): Buffer {
  let changed = bytes;
  for (let count = random.below(2) * random.below(MUTATIONS_MAX); count >= 0; count--)
    changed = mutatedOnce(changed, random);
  return changed;
}

const HOSTILE: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1e-320, 1e308, 2 ** 53, -(2 ** 53), 4_294_967_296],
  ...['', ' ', '\0', '1', 'null', '__proto__', 'constructor', 'toString', '\ud800', '\u202e', '＝1+1'],
  ...['x'.repeat(256), 'é'.repeat(300), "'; DROP TABLE x; --", '<script>', '%00', '../../etc/passwd'],
  ...[[], {}, [[]], { '': null }, Array.from({ length: 300 }, (_, index) => index)],
];
const DEEP_MAX = 40;

/** Some value of JSON that nobody expects. */
function hostileValue(random: Random): unknown {
  if (random.below(8) > 0) return random.of(HOSTILE);
  let value: unknown = random.of(HOSTILE);
  for (let depth = random.below(DEEP_MAX); depth > 0; depth--)
    value = random.below(2) === 0 ? [value] : { a: value };
  return value;
}

/** A value of JSON with something in it replaced, left out, added or renamed. */
export function mutatedJson(value: unknown, random: Random): unknown {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (keys.length === 0 || random.below(keys.length + 2) === 0) return hostileValue(random);
  const key = random.of(keys);
  const entries = Object.entries(value as object).flatMap(([name, one]): [string, unknown][] => {
    if (name !== key) return [[name, one]];
    const way = random.below(8);
    if (way === 0) return [];
    if (way === 1) return [[String(random.of(HOSTILE)), one]];
    if (way === 2) {
      return [
        [name, one],
        [`${name}${random.below(10)}`, hostileValue(random)],
      ];
    }
    return [[name, mutatedJson(one, random)]];
  });
  return Array.isArray(value) ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}
