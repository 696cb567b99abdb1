/** What stands at a value axis, from 0 up: growing values, and as many texts, all different. */
export interface AxisTicks {
  readonly values: readonly number[];
  readonly texts: readonly string[];
}

interface AxisOptions {
  /** Of the answer, such as `ms`, `USD`, `bytes/s` or `events`. */
  readonly unit: string;
  /** At most so many above 0. */
  readonly ticksMax: number;
  /** There are no values between whole ones. */
  readonly isWhole: boolean;
}

/** A unit in which an axis of a certain height is written: `value / divisor` between the two texts. */
interface Scale {
  readonly divisor: number;
  readonly before?: string;
  readonly after: string;
  /** Of nothing smaller than it there is a part. @default false */
  readonly isWhole?: boolean;
}

const KIB = 1024;
const BYTES: readonly Scale[] = [
  { divisor: 1, after: ' B', isWhole: true },
  ...['KB', 'MB', 'GB', 'TB', 'PB'].map((unit, index) => ({
    divisor: KIB ** (index + 1),
    after: ` ${unit}`,
  })),
];
const MONEY: readonly Scale[] = [
  { divisor: 0.01, after: '¢' },
  { divisor: 1, before: '$', after: '' },
];
/** Cents up to here: what is just above one cent would be `$0.012`. */
const DOLLARS_FROM = 0.1;
const TIMES: readonly Scale[] = [
  { divisor: 1, after: ' ms' },
  { divisor: 1000, after: ' s' },
];
/** As times are written elsewhere. */
const SECONDS_FROM_MS = 10_000;
const THOUSANDS: readonly Scale[] = [
  { divisor: 1, after: '' },
  { divisor: 1e3, after: 'K' },
  { divisor: 1e6, after: 'M' },
  { divisor: 1e9, after: 'B' },
];
/** Whole numbers of up to six digits have room at an axis. */
const MILLIONS_FROM = 1e6;
const ROUND = [1, 2, 5, 10] as const;
const LABELS_MIN = 2;
/** By so much rounding up makes a step larger at most: from above 2 to 5. */
const ROUNDING_MAX = 2.5;
const LOWEST = 1e-12;
const MONEY_DIGITS = 2;
const DIGITS_MAX = 20;

/** Round steps from 0 to `high`, in the unit that suits its size, each written with as many digits as the step has. */
export function axisTicks(high: number, { unit, ticksMax, isWhole }: AxisOptions): AxisTicks {
  if (!(high > LOWEST)) return { values: [0], texts: ['0'] };
  const [, base = unit, perSecond = ''] = /^(.*?)(\/s)?$/.exec(unit) ?? [];
  const scale = scaleOf(base, high);
  const top = high / scale.divisor;
  const least = (isWhole && scale.divisor === 1) || scale.isWhole === true ? 1 : 0;
  const step = Math.max(roundStep(top, ticksMax), least);
  const many = stepsIn(top, step);
  const digits = digitsOf(step, scale);
  const steps = Array.from({ length: many + 1 }, (_, index) => Number((index * step).toPrecision(12)));
  return {
    values: steps.map((value) => value * scale.divisor),
    texts: steps.map((value) =>
      value === 0 ? '0' : `${scale.before ?? ''}${numberText(value, digits)}${scale.after}${perSecond}`,
    ),
  };
}

function scaleOf(unit: string, high: number): Scale {
  const largest = (scales: readonly Scale[]) =>
    scales.findLast(({ divisor }) => divisor <= high) ?? scales[0] ?? { divisor: 1, after: '' };
  const [cents, dollars] = MONEY;
  const [milliseconds, seconds] = TIMES;
  const known: Readonly<Record<string, () => Scale | undefined>> = {
    bytes: () => largest(BYTES),
    USD: () => (high < DOLLARS_FROM ? cents : dollars),
    ms: () => (high < SECONDS_FROM_MS ? milliseconds : seconds),
    percent: () => ({ divisor: 1, after: '%' }),
    tokens: () => largest(THOUSANDS),
  };
  const scale = Object.hasOwn(known, unit) ? known[unit]?.() : undefined;
  return scale ?? (high < MILLIONS_FROM ? { divisor: 1, after: '' } : largest(THOUSANDS));
}

/** One label above 0 says little: a second one stands closer to it than there is room for, if it has to. */
function roundStep(top: number, ticksMax: number): number {
  const step = roundedUp(top / Math.max(1, ticksMax));
  return stepsIn(top, step) >= LABELS_MIN ? step : roundedUp(top / (LABELS_MIN * ROUNDING_MAX));
}

function stepsIn(top: number, step: number): number {
  return Math.floor(top / step + 1e-9);
}

/** The least of 1, 2 and 5 times a power of ten that is not below it. */
function roundedUp(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = ROUND.find((round) => round * power >= least * (1 - 1e-9)) ?? 10;
  return Number((factor * power).toPrecision(1));
}

/** As many as tell one step from the next; amounts of money below a dollar have two at least. */
function digitsOf(step: number, { before }: Scale): number {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Math.min(DIGITS_MAX, before === undefined || digits === 0 ? digits : Math.max(MONEY_DIGITS, digits));
}

function numberText(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
