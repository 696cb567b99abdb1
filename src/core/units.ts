/**
 * Branded numbers for quantities that must never be mixed. Inside nervecenter durations are milliseconds; they become
 * seconds only where OpenTelemetry asks for seconds (`toSeconds`).
 */
declare const unit: unique symbol;
type Quantity<U extends string> = number & { readonly [unit]: U };

/** A duration, or a point in time since the Unix epoch, in milliseconds. */
export type Milliseconds = Quantity<'ms'>;
/** A duration in seconds, the base unit of OpenTelemetry's duration instruments. */
export type Seconds = Quantity<'s'>;
/** An amount of money in US dollars. */
export type Usd = Quantity<'USD'>;
/** A whole, non-negative number of tokens as the provider counts them. */
export type Tokens = Quantity<'{token}'>;

export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const usd = (value: number): Usd => value as Usd;
export const tokens = (value: number): Tokens => value as Tokens;
export const toSeconds = (duration: Milliseconds): Seconds => (duration / 1000) as Seconds;

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
