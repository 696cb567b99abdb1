/**
 * A frame as bytes, in order: the format's number; flags; `seq` and `endMs`; the counts of what was dropped; then point after
 * point to the end. A point begins with the number of its series, doubled, plus one where an exemplar follows its values.
 * The first point of a series has the next number there is, and says right after it what the series is: the number of its
 * instrument, likewise described by the first series that has it, and its attributes. So a series is told once per table, and
 * a table lasts until a frame begins a new one.
 *
 * Whole numbers are written in groups of seven bits, the lowest first; other numbers as IEEE 754 doubles, the lowest byte
 * first; texts as their length in bytes and UTF-8.
 */
export const FORMAT = 1;
/** Among the flags: what was described before is forgotten. */
export const NEW_TABLE = 1;

export const KINDS = ['counter', 'gauge', 'histogram'] as const;

export const TEXT = 0;
export const NUMBER = 1;
export const FALSE = 2;
export const TRUE = 3;

/** A longer text is in no point that is taken, and is cut to where that shows. */
export const TEXT_LENGTH_MAX = 4097;
/** What that many characters take at most. */
export const TEXT_BYTES_MAX = 3 * TEXT_LENGTH_MAX;
/** More than any point that is taken has; what has more is cut to where that shows. */
export const ATTRIBUTES_MAX = 255;
export const DROP_REASONS_MAX = 255;
