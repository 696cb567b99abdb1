// Screenshots are a few colours and their shades: with a palette they take a third of the bytes and look the same.
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS_MAX = 128;
const RGB = 2;
const RGBA = 6;
const PALETTE = 3;

interface Image {
  readonly width: number;
  readonly height: number;
  /** Three bytes per pixel. */
  readonly pixels: Uint8Array;
}

/** Colours of a picture that become one. */
interface Box {
  /** `0xrrggbb` and how many pixels have it. */
  readonly colours: readonly (readonly [number, number])[];
  /** The channel with the widest range, by its shift. */
  readonly shift: number;
  readonly weight: number;
}

/**
 * The same picture with at most 128 colours.
 *
 * @param png What a browser makes: 8 bits per channel, not interlaced, opaque.
 */
export function smallerPng(png: Buffer): Buffer {
  const image = decode(png);
  const counts = new Map<number, number>();
  for (let at = 0; at < image.pixels.length; at += 3) {
    const colour = colourAt(image.pixels, at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const boxes = split([...counts]);
  const indexOf = new Map<number, number>();
  for (const [index, { colours }] of boxes.entries())
    for (const [colour] of colours) indexOf.set(colour, index);
  return encode(image, boxes.map(mean), indexOf);
}

function colourAt(pixels: Uint8Array, at: number): number {
  return ((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0);
}

function channel(colour: number, shift: number): number {
  return (colour >> shift) & 255;
}

function boxOf(colours: Box['colours']): Box {
  let pixels = 0;
  for (const [, count] of colours) pixels += count;
  const ranges = [16, 8, 0].map((shift): [number, number] => {
    let [low, high] = [255, 0];
    for (const [colour] of colours) {
      low = Math.min(low, channel(colour, shift));
      high = Math.max(high, channel(colour, shift));
    }
    return [shift, high - low];
  });
  const [shift, range] = ranges.sort(([, a], [, b]) => b - a)[0] ?? [0, 0];
  // By the root of the pixels: else the large dark areas would take the shades that text is made of.
  return { colours, shift, weight: colours.length === 1 ? 0 : range * range * Math.sqrt(pixels) };
}

/** The median cut: the most varied box is halved until there are enough. */
function split(colours: Box['colours']): Box[] {
  const boxes = [boxOf(colours)];
  while (boxes.length < COLOURS_MAX) {
    boxes.sort((a, b) => b.weight - a.weight);
    const [widest] = boxes;
    if (widest === undefined || widest.weight === 0) break;
    const { shift } = widest;
    const sorted = [...widest.colours].sort(([a], [b]) => channel(a, shift) - channel(b, shift));
    const middle = (channel(sorted[0]?.[0] ?? 0, shift) + channel(sorted.at(-1)?.[0] ?? 0, shift)) / 2;
    const cut = sorted.findIndex(([colour]) => channel(colour, shift) > middle);
    boxes.splice(0, 1, boxOf(sorted.slice(0, cut)), boxOf(sorted.slice(cut)));
  }
  return boxes;
}

function mean({ colours }: Box): number[] {
  let pixels = 0;
  const sums = [0, 0, 0];
  for (const [colour, count] of colours) {
    pixels += count;
    for (const [index, shift] of [16, 8, 0].entries())
      sums[index] = (sums[index] ?? 0) + channel(colour, shift) * count;
  }
  return sums.map((sum) => Math.round(sum / pixels));
}

function decode(png: Buffer): Image {
  const [width, height, type] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25]];
  if (png[24] !== 8 || (type !== RGB && type !== RGBA) || png[28] !== 0)
    throw new Error('Expected a PNG of 8 bits per channel with colours, not interlaced.');
  const step = type === RGB ? 3 : 4;
  const raw = inflateSync(Buffer.concat(chunksOf(png, 'IDAT')));
  const stride = width * step;
  const pixels = new Uint8Array(width * height * 3);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1);
    const line = unfiltered(raw[start] ?? 0, raw.subarray(start + 1, start + 1 + stride), { above, step });
    for (let x = 0; x < width; x++)
      for (let part = 0; part < 3; part++) pixels[(y * width + x) * 3 + part] = line[x * step + part] ?? 0;
    above = line;
  }
  return { width, height, pixels };
}

function chunksOf(png: Buffer, wanted: string): Buffer[] {
  const found: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === wanted) found.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return found;
}

/** The filters of PNG, 9.2 of its specification. */
function unfiltered(
  filter: number,
  bytes: Uint8Array,
  { above, step }: { readonly above: Uint8Array; readonly step: number },
): Uint8Array<ArrayBuffer> {
  const line = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const left = line[at - step] ?? 0;
    const up = above[at] ?? 0;
    const corner = above[at - step] ?? 0;
    const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
    line[at] = (bytes[at] ?? 0) + guess;
  }
  return line;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function encode(
  { width, height, pixels }: Image,
  palette: readonly (readonly number[])[],
  indexOf: ReadonlyMap<number, number>,
): Buffer {
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      lines[y * (width + 1) + 1 + x] = indexOf.get(colourAt(pixels, (y * width + x) * 3)) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, PALETTE, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(body.length, 0);
  named.copy(whole, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}
