/** Figures as the dashboard writes them. */
const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const ONE_DECIMAL = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const TWO_DECIMALS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const CENT_USD = 0.01;
const KIB = 1024;
const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `12,345` */
export const count = (value: number): string => COUNT.format(value);
/** `12.3` */
export const decimal = (value: number): string => ONE_DECIMAL.format(value);
/** `12.34` */
export const hundredths = (value: number): string => TWO_DECIMALS.format(value);
/** `12.3%` */
export const percent = (value: number): string => `${ONE_DECIMAL.format(value)}%`;

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
  while (size >= KIB - 0.05 && unit < BYTE_UNITS.length - 1) {
    size /= KIB;
    unit++;
  }
  return `${unit === 0 ? COUNT.format(size) : ONE_DECIMAL.format(size)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** `8.2 ms`, `850 ms`, and `12.3 s` from ten seconds on. */
export function timeSpan(ms: number): string {
  if (ms >= 10_000) return `${ONE_DECIMAL.format(ms / 1000)} s`;
  return `${ms !== 0 && ms < 9.95 ? ONE_DECIMAL.format(ms) : COUNT.format(ms)} ms`;
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

/** `27h 25m` */
export function uptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** A figure of history, by the unit its answer names. */
export function inUnit(value: number, unit: string): string {
  if (unit === 'ms') return timeSpan(value);
  if (unit === 'percent') return percent(value);
  if (unit === 'USD') return cost(value);
  if (unit === 'tokens') return tokens(value);
  if (unit === 'bytes') return bytes(value);
  const plain = Number.isInteger(value) || Math.abs(value) >= 100 ? count(value) : hundredths(value);
  return unit === '' ? plain : `${plain} ${unit}`;
}
