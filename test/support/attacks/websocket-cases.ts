import { deflateRawSync } from 'node:zlib';
import { BINARY, CLOSE, CONTINUATION, closeFrame, frame, PING, PONG, TEXT } from './websocket-frames.ts';

/** What a client says on an open WebSocket, and what an endpoint that takes 1 KiB in eight fragments makes of it. */
export interface WebSocketCase {
  /** The number of the chapter in the Autobahn test suite that asks the same. */
  readonly chapter: string;
  readonly name: string;
  readonly bytes: Buffer;
  /** The code that the server closes with; absent where the connection stays open. */
  readonly closes?: number;
  /** What the pongs say that are due, in order. */
  readonly pongs?: readonly string[];
  /** Messages that are whole and right. @default 0 */
  readonly messages?: number;
}

const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const TOO_MANY = 1008;
const TOO_LARGE = 1009;
const PAYLOAD_MAX = 1024;
const FRAGMENTS_MAX = 8;

const all = (...frames: readonly Buffer[]) => Buffer.concat(frames);
const text = (payload: Buffer | string) => frame({ opcode: TEXT, payload });
const ping = (payload: string) => frame({ opcode: PING, payload });
const begun = (payload: Buffer | string, opcode = TEXT) => frame({ opcode, payload, fin: false });
const more = (payload: Buffer | string, fin = false) => frame({ opcode: CONTINUATION, payload, fin });

const sizes: readonly WebSocketCase[] = [0, 1, 125, 126, 127, 128, PAYLOAD_MAX].flatMap((size) =>
  [TEXT, BINARY].map((opcode) => ({
    chapter: '1',
    name: `a message of ${size} bytes, opcode ${opcode}`,
    bytes: frame({ opcode, payload: 'x'.repeat(size) }),
    messages: 1,
  })),
);
const tooLarge: readonly WebSocketCase[] = [PAYLOAD_MAX + 1, 65_535, 65_536, 131_072].map((size) => ({
  chapter: '1',
  name: `a message of ${size} bytes`,
  bytes: text('x'.repeat(size)),
  closes: TOO_LARGE,
}));
const claims: readonly WebSocketCase[] = [2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map(
  (length) => ({
    chapter: '1',
    name: `a frame that claims ${length} bytes`,
    bytes: frame({ opcode: BINARY, payload: 'x', claims: length }),
    closes: TOO_LARGE,
  }),
);

const pings: readonly WebSocketCase[] = [
  { chapter: '2', name: 'a ping without payload', bytes: ping(''), pongs: [''] },
  { chapter: '2', name: 'a ping with payload', bytes: ping('Hello'), pongs: ['Hello'] },
  { chapter: '2', name: 'a ping of 125 bytes', bytes: ping('x'.repeat(125)), pongs: ['x'.repeat(125)] },
  { chapter: '2', name: 'a ping of 126 bytes', bytes: ping('x'.repeat(126)), closes: PROTOCOL_ERROR },
  { chapter: '2', name: 'a pong nobody asked for', bytes: frame({ opcode: PONG, payload: 'x' }) },
  { chapter: '2', name: 'a pong, then a ping', bytes: all(frame({ opcode: PONG }), ping('a')), pongs: ['a'] },
  {
    chapter: '2',
    name: 'ten pings',
    bytes: all(...Array.from('0123456789', ping)),
    pongs: [...'0123456789'],
  },
  {
    chapter: '2',
    name: 'a thousand pings',
    bytes: all(...Array.from({ length: 1000 }, () => ping('x'))),
    closes: TOO_MANY,
  },
];

const reserved: readonly WebSocketCase[] = [1, 2, 3, 4, 5, 6, 7].flatMap((bits) =>
  [TEXT, BINARY, PING, CLOSE].map((opcode) => ({
    chapter: '3',
    name: `reserved bits ${bits} of opcode ${opcode}`,
    bytes: frame({ opcode, reserved: bits, payload: opcode === CLOSE ? Buffer.of(3, 232) : 'x' }),
    closes: PROTOCOL_ERROR,
  })),
);
const opcodes: readonly WebSocketCase[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
  ['', 'x'].map((payload) => ({
    chapter: '4',
    name: `opcode ${opcode} with ${payload.length} bytes`,
    bytes: frame({ opcode, payload }),
    closes: PROTOCOL_ERROR,
  })),
);

const fragments: readonly WebSocketCase[] = [
  {
    name: 'a ping in two',
    bytes: all(frame({ opcode: PING, fin: false }), more('x', true)),
    closes: PROTOCOL_ERROR,
  },
  {
    name: 'a pong in two',
    bytes: all(frame({ opcode: PONG, fin: false }), more('x', true)),
    closes: PROTOCOL_ERROR,
  },
  { name: 'a close in two', bytes: frame({ opcode: CLOSE, fin: false }), closes: PROTOCOL_ERROR },
  { name: 'a text in two', bytes: all(begun('a'), more('b', true)), messages: 1 },
  {
    name: 'a text in eight',
    bytes: all(begun('a'), ...Array.from({ length: 6 }, () => more('b')), more('c', true)),
    messages: 1,
  },
  {
    name: 'a text in two, a ping between',
    bytes: all(begun('a'), ping('p'), more('b', true)),
    pongs: ['p'],
    messages: 1,
  },
  { name: 'binary in two, the second empty', bytes: all(begun('a', BINARY), more('', true)), messages: 1 },
  { name: 'the end of none', bytes: more('x', true), closes: PROTOCOL_ERROR },
  { name: 'the middle of none', bytes: more('x'), closes: PROTOCOL_ERROR },
  {
    name: 'the end of one that has ended',
    bytes: all(text('a'), more('b', true)),
    closes: PROTOCOL_ERROR,
    messages: 1,
  },
  { name: 'one begun within another', bytes: all(begun('a'), text('b')), closes: PROTOCOL_ERROR },
  {
    name: 'one more than there may be',
    bytes: all(begun('a'), ...Array.from({ length: FRAGMENTS_MAX + 1 }, () => more('b'))),
    closes: TOO_MANY,
  },
  {
    name: 'empty ones without an end',
    bytes: all(begun(''), ...Array.from({ length: 1000 }, () => more(''))),
    closes: TOO_MANY,
  },
  {
    name: 'together too large',
    bytes: all(begun('x'.repeat(600)), more('x'.repeat(600), true)),
    closes: TOO_LARGE,
  },
].map((one) => ({ chapter: '5', ...one }));

const WRONG_UTF8: Readonly<Record<string, Buffer>> = {
  'a continuation byte alone': Buffer.of(0x80),
  'a sequence that is cut off': Buffer.of(0xce),
  'an overlong slash': Buffer.of(0xc0, 0xaf),
  'an overlong zero': Buffer.of(0xe0, 0x80, 0x80),
  'a surrogate': Buffer.of(0xed, 0xa0, 0x80),
  'past the last character': Buffer.of(0xf4, 0x90, 0x80, 0x80),
  'a byte that is never there': Buffer.of(0x61, 0xff, 0x62),
  'five bytes': Buffer.of(0xf8, 0x88, 0x80, 0x80, 0x80),
};
const wrongTexts: readonly WebSocketCase[] = Object.entries(WRONG_UTF8).flatMap(([name, bytes]) => [
  { chapter: '6', name: `text with ${name}`, bytes: text(bytes), closes: NOT_UTF8 },
  {
    chapter: '6',
    name: `text with ${name}, in two`,
    bytes: all(begun(bytes.subarray(0, 1)), more(bytes.subarray(1), true)),
    closes: NOT_UTF8,
  },
  { chapter: '7', name: `a farewell with ${name}`, bytes: closeFrame(1000, bytes), closes: NOT_UTF8 },
]);
const KAPPA = Buffer.from('κόσμε🙂');
const rightTexts: readonly WebSocketCase[] = Array.from(KAPPA.subarray(1), (_, index) => ({
  chapter: '6',
  name: `text cut within a character, behind ${index + 1} bytes`,
  bytes: all(begun(KAPPA.subarray(0, index + 1)), more(KAPPA.subarray(index + 1), true)),
  messages: 1,
}));

const closes: readonly WebSocketCase[] = [
  { chapter: '7', name: 'a farewell without a code', bytes: frame({ opcode: CLOSE }), closes: 1005 },
  {
    chapter: '7',
    name: 'a farewell of one byte',
    bytes: frame({ opcode: CLOSE, payload: 'x' }),
    closes: PROTOCOL_ERROR,
  },
  { chapter: '7', name: 'a farewell of 125 bytes', bytes: closeFrame(1000, 'x'.repeat(123)), closes: 1000 },
  {
    chapter: '7',
    name: 'a farewell of 126 bytes',
    bytes: closeFrame(1000, 'x'.repeat(124)),
    closes: PROTOCOL_ERROR,
  },
  { chapter: '7', name: 'two farewells', bytes: all(closeFrame(1000), closeFrame(1001)), closes: 1000 },
  {
    chapter: '7',
    name: 'a ping behind the farewell',
    bytes: all(closeFrame(1000), ping('late')),
    closes: 1000,
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code) => ({
    chapter: '7',
    name: `a farewell with ${code}`,
    bytes: closeFrame(code),
    closes: code,
  })),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    chapter: '7',
    name: `a farewell with ${code}, which none may have`,
    bytes: closeFrame(code),
    closes: PROTOCOL_ERROR,
  })),
];

const masks: readonly WebSocketCase[] = [TEXT, BINARY, PING, PONG, CLOSE].map((opcode) => ({
  chapter: 'RFC 6455, 5.1',
  name: `opcode ${opcode} without a mask`,
  bytes: frame({ opcode, payload: opcode === CLOSE ? Buffer.of(3, 232) : 'x', masked: false }),
  closes: PROTOCOL_ERROR,
}));

const bomb = deflateRawSync(Buffer.alloc(10_000_000));
const compressed: readonly WebSocketCase[] = [
  {
    chapter: '12',
    name: 'a text that is compressed, which was not agreed',
    bytes: frame({ opcode: TEXT, reserved: 4, payload: deflateRawSync('hello') }),
    closes: PROTOCOL_ERROR,
  },
  {
    chapter: '12',
    name: `${bomb.length} bytes that inflate to 10 MB`,
    bytes: frame({ opcode: BINARY, reserved: 4, payload: bomb }),
    closes: PROTOCOL_ERROR,
  },
];

export const WEBSOCKET_CASES: readonly WebSocketCase[] = [
  ...[...sizes, ...tooLarge, ...claims, ...pings, ...reserved, ...opcodes, ...fragments],
  ...[...wrongTexts, ...rightTexts, ...closes, ...masks, ...compressed],
];
