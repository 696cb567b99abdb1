const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const ONE_DECIMAL = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const TWO_DECIMALS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const CENT_USD = 0.01;
const TEXT_CHARS_MAX = 200;
const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `12,345` */
export function count(value: number): string {
  return COUNT.format(value);
}

/** `1 call`, `1,234 calls` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : `${noun}s`}`;
}

/** `12.3` */
export function decimal(value: number): string {
  return ONE_DECIMAL.format(value);
}

/** `12.3%` */
export function percent(value: number): string {
  return `${ONE_DECIMAL.format(value)}%`;
}

/** Milliseconds without their unit: whole from 10 on, one decimal below, where it matters. */
export function milliseconds(value: number): string {
  return value !== 0 && value < 9.95 ? ONE_DECIMAL.format(value) : COUNT.format(value);
}

/** `$1.23`, and `0.50¢` below one cent. */
export function cost(usd: number): string {
  return usd < CENT_USD ? `${TWO_DECIMALS.format(usd * 100)}¢` : `$${TWO_DECIMALS.format(usd)}`;
}

/** `950`, `1.2K`, `3.4M`, `5.6B` */
export function tokens(value: number): string {
  // Compared after rounding, so that 999,999 is 1.0M and not 1000.0K.
  if (value >= 999_950_000) return `${ONE_DECIMAL.format(value / 1e9)}B`;
  if (value >= 999_950) return `${ONE_DECIMAL.format(value / 1e6)}M`;
  if (value >= 1000) return `${ONE_DECIMAL.format(value / 1e3)}K`;
  return COUNT.format(value);
}

/** Binary units: `512 B`, `1.5 KB`, `2.0 GB` */
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? COUNT.format(size) : ONE_DECIMAL.format(size)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** `850 ms`, and `12.3 s` from ten seconds on. */
export function timeSpan(ms: number): string {
  return ms < 10_000 ? `${milliseconds(ms)} ms` : `${ONE_DECIMAL.format(ms / 1000)} s`;
}

/** How a figure of history is written, by the unit its answer names. */
export function formatOf(unit: string): (value: number) => string {
  const known: Readonly<Record<string, (value: number) => string>> = {
    ms: timeSpan,
    percent,
    USD: cost,
    tokens,
    bytes,
    chunks: decimal,
  };
  if (Object.hasOwn(known, unit)) return known[unit] ?? quantity;
  if (!unit.endsWith('/s')) return quantity;
  const amount = unit === 'bytes/s' ? bytes : quantity;
  return (value) => `${amount(value)}/s`;
}

/** `12,345`, and `0.42` where a whole number would say nothing. */
export function quantity(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return COUNT.format(value);
  return Math.abs(value) >= 10 ? ONE_DECIMAL.format(value) : TWO_DECIMALS.format(value);
}

/** `27h 25m` */
export function uptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** `4 s`, `3 min`, `5 h`, `2 d`: as precise as a glance needs. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** Names come from outside and may be of any length; the page shows so much of them. */
export function name(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
}

/** What is said about every percentile: the error of the histogram it is read from. */
export function percentileHint(rank: number, windowSeconds: number): string {
  return `${rank}th percentile of the last ${Math.round(windowSeconds / 60)} min, ±4.4 %`;
}
