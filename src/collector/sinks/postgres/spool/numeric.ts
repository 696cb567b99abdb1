/** A number as Postgres' `numeric` holds it: digits to the base 10,000, the first of them worth 10,000 to `weight`. */
export interface NumericDigits {
  readonly digits: readonly number[];
  readonly weight: number;
  /** Decimal digits after the point. */
  readonly scale: number;
  readonly negative: boolean;
}

/** Decimal digits in one digit to the base 10,000. */
const GROUP = 4;

/** The shortest decimal that reads back as this double, exactly. */
export function numericDigits(value: number): NumericDigits {
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const [first = '0', rest = ''] = mantissa.split('.');
  const decimals = first + rest;
  // decimals[0] is worth 10 to the exponent; zeros in front move it to its place in a group.
  const power = Number(exponent);
  const weight = Math.floor(power / GROUP);
  const padded = '0'.repeat(GROUP - 1 - (power - weight * GROUP)) + decimals;
  const digits: number[] = [];
  for (let at = 0; at < padded.length; at += GROUP) {
    digits.push(Number(padded.slice(at, at + GROUP).padEnd(GROUP, '0')));
  }
  return {
    digits: value === 0 ? [] : digits,
    weight: value === 0 ? 0 : weight,
    scale: Math.max(0, rest.length - power),
    negative: value < 0,
  };
}
