/** Which format a scraper gets: content negotiation (RFC 9110) as Prometheus' own libraries do it. */

/** `protobuf` alone has native histograms, `openmetrics` and `protobuf` have exemplars and creation times. */
export type Format = 'text' | 'openmetrics' | 'protobuf';

export interface Negotiated {
  readonly format: Format;
  readonly contentType: string;
}

/** More than any scraper sends; the rest is not looked at. */
const ACCEPT_CHARACTERS_MAX = 2000;
/** Names are escaped in this way, whatever a scraper could take: they are the same for all of them. */
const ESCAPING = 'underscores';

const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; version=0.0.4; charset=utf-8',
};
/** The richest first, which a tie is decided by. */
const RICHEST_FIRST: readonly Format[] = ['protobuf', 'openmetrics', 'text'];

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Above 0 it is acceptable. */
  readonly quality: number;
}

/**
 * The format with the highest quality. Ranges with `*` stand for the oldest format, which everybody reads, and so does a
 * header that is absent or accepts none.
 */
export function formatFor(accept: string | undefined): Negotiated {
  const ranges = split((accept ?? '').slice(0, ACCEPT_CHARACTERS_MAX), ',').flatMap(
    (text) => rangeOf(text) ?? [],
  );
  let best: { readonly format: Format; readonly range: Range } | null = null;
  for (const format of RICHEST_FIRST) {
    const range = rangeFor(format, ranges);
    if (range !== null && range.quality > (best?.range.quality ?? 0)) best = { format, range };
  }
  if (best === null) return { format: 'text', contentType: MEDIA_TYPES.text };
  return { format: best.format, contentType: contentTypeOf(best.format, best.range) };
}

/** As it was asked for: text of version 1.0.0 is that of 0.0.4 where names are escaped, and who names no escaping knows none. */
function contentTypeOf(format: Format, { parameters }: Range): string {
  let type = MEDIA_TYPES[format];
  if (format === 'text' && parameters.get('version') === '1.0.0') type = type.replace('0.0.4', '1.0.0');
  return parameters.has('escaping') ? `${type}; escaping=${ESCAPING}` : type;
}

/** The range that decides: the most specific one, of several of them the one with the highest quality. */
function rangeFor(format: Format, ranges: readonly Range[]): Range | null {
  const tiers = [
    ranges.filter((range) => names(range, format)),
    ...(format === 'text' ? ['text/*', '*/*'] : []).map((wild) => ranges.filter(({ type }) => type === wild)),
  ];
  const tier = tiers.find(({ length }) => length > 0) ?? [];
  return tier.reduce<Range | null>(
    (best, range) => (best === null || range.quality > best.quality ? range : best),
    null,
  );
}

function names({ type, parameters }: Range, format: Format): boolean {
  const version = parameters.get('version');
  switch (format) {
    case 'protobuf':
      return (
        type === 'application/vnd.google.protobuf' &&
        parameters.get('proto') === 'io.prometheus.client.metricfamily' &&
        parameters.get('encoding') === 'delimited'
      );
    case 'openmetrics':
      return type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0');
    default:
      return type === 'text/plain' && (version === undefined || version === '0.0.4' || version === '1.0.0');
  }
}

/** `null` for what is no range with a quality. Everything in lower case: names of types and parameters have none. */
function rangeOf(text: string): Range | null {
  const [type = '', ...rest] = split(text.toLowerCase(), ';').map((part) => part.trim());
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return null;
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const at = parameter.indexOf('=');
    if (at > 0) parameters.set(parameter.slice(0, at).trim(), unquoted(parameter.slice(at + 1).trim()));
  }
  const weight = parameters.get('q') ?? '1';
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? { type, parameters, quality: Number(weight) } : null;
}

/** Splits where no quotation marks are around. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let [begin, quoted] = [0, false];
  for (let i = 0; i < text.length; i++) {
    if (quoted && text[i] === '\\') i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (text[i] === separator && !quoted) {
      parts.push(text.slice(begin, i));
      begin = i + 1;
    }
  }
  return [...parts, text.slice(begin)];
}

function unquoted(value: string): string {
  if (!value.startsWith('"') || !value.endsWith('"') || value.length < 2) return value;
  return value.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}
