import { resolve } from 'node:path';
import {
  header,
  headersInList,
  isEndpoint,
  LOCAL_URLS,
  TIMEOUT_MS_DEFAULT,
  urlOfSignal,
} from '../otlp/endpoints.ts';
import { OTLP_SETTINGS } from '../otlp/settings.ts';
import {
  COMPRESSIONS,
  type HistogramKind,
  OTLP_SIGNALS,
  type OtlpEndpoint,
  type OtlpProtocol,
  type OtlpSignal,
  type OtlpTarget,
  STANDARD_TARGET,
  type Temporality,
} from '../otlp/target.ts';
import { SETTINGS } from '../settings.ts';
import type { FilePart } from './file-part.ts';

/** One exporter: where it sends, and of metrics how. */
interface Exporter {
  readonly endpoint: OtlpEndpoint;
  readonly metrics?: Pick<OtlpTarget, 'temporality' | 'histograms' | 'metricsIntervalMs'>;
  /** The part it is in, and what it is called there. */
  readonly at: FilePart;
  readonly name: string;
}

/** Where the Prometheus exporter of a pull reader listens. */
export interface PrometheusPlace {
  readonly host: string | null;
  readonly port: number | null;
}

const TARGETS_MAX = 16;
const TIMEOUT_MS_MAX = 999_999_999;
const OTLP = ['otlp_http', 'otlp_grpc'] as const;
/** What the SDK does of itself, so that who writes it down asks for nothing else. */
const BATCH_DEFAULTS = { export_timeout: 30_000, max_queue_size: 2048, max_export_batch_size: 512 };
const SCHEDULE_DELAY_DEFAULTS = { tracer_provider: 5000, logger_provider: 1000 };
const READER_DEFAULTS = { timeout: 30_000 };
const METRICS_DEFAULTS = {
  temporality: OTLP_SETTINGS.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.default,
  histograms: OTLP_SETTINGS.OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.default,
  metricsIntervalMs: Number(OTLP_SETTINGS.OTEL_METRIC_EXPORT_INTERVAL.default),
};

/**
 * A target for the first exporters of all signals, another one for the second ones, and so on.
 *
 * @param directory that paths start from.
 * @throws Error about an exporter that cannot work.
 */
export function readExporters(
  file: FilePart,
  directory: string,
): { readonly targets: OtlpTarget[]; readonly prometheus: PrometheusPlace | null } {
  const spans = processed(file, 'tracer_provider', directory);
  const logs = processed(file, 'logger_provider', directory);
  const { metrics, prometheus } = metricReaders(file, directory);
  const exporters = { traces: spans, metrics, logs };
  const count = Math.max(...Object.values(exporters).map(({ length }) => length));
  for (const list of Object.values(exporters))
    for (const { at, name } of list.slice(TARGETS_MAX)) at.leave(name);
  const targets = Array.from({ length: Math.min(count, TARGETS_MAX) }, (_, index) =>
    targetOf(index, exporters),
  );
  return { targets, prometheus };
}

function targetOf(index: number, exporters: Readonly<Record<OtlpSignal, readonly Exporter[]>>): OtlpTarget {
  const endpoints = OTLP_SIGNALS.flatMap((signal) => {
    const exporter = exporters[signal][index];
    return exporter === undefined ? [] : [[signal, exporter.endpoint] as const];
  });
  return {
    name: index === 0 ? STANDARD_TARGET : `${STANDARD_TARGET}-${index + 1}`,
    endpoints: Object.fromEntries(endpoints),
    nervecenter: false,
    services: null,
    ...(exporters.metrics[index]?.metrics ?? METRICS_DEFAULTS),
  };
}

function processed(
  file: FilePart,
  provider: keyof typeof SCHEDULE_DELAY_DEFAULTS,
  directory: string,
): Exporter[] {
  const signal = provider === 'tracer_provider' ? 'traces' : 'logs';
  const processors = file.part(provider)?.parts('processors') ?? [];
  return processors.flatMap((processor) => {
    const found = processor.oneOf(['batch', 'simple']);
    const delay = { schedule_delay: SCHEDULE_DELAY_DEFAULTS[provider] };
    if (found?.name === 'batch') found.part.passOver({ ...BATCH_DEFAULTS, ...delay });
    const exporter = found?.part.part('exporter');
    return exporter == null ? [] : (otlpExporter(exporter, signal, directory) ?? []);
  });
}

function metricReaders(
  file: FilePart,
  directory: string,
): { readonly metrics: Exporter[]; readonly prometheus: PrometheusPlace | null } {
  const metrics: Exporter[] = [];
  let prometheus: PrometheusPlace | null = null;
  const provider = file.part('meter_provider');
  provider?.passOver({ exemplar_filter: 'trace_based' });
  for (const reader of provider?.parts('readers') ?? []) {
    const found = reader.oneOf(['periodic', 'pull']);
    const exporter = found?.part.part('exporter');
    if (found == null || exporter == null) continue;
    if (found.name === 'periodic') metrics.push(...periodic(found.part, exporter, directory));
    else if (prometheus === null) prometheus = prometheusIn(exporter);
    else exporter.oneOf([]);
  }
  return { metrics, prometheus };
}

function periodic(reader: FilePart, exporter: FilePart, directory: string): Exporter[] {
  reader.passOver(READER_DEFAULTS);
  const { min, max } = OTLP_SETTINGS.OTEL_METRIC_EXPORT_INTERVAL;
  const interval = reader.number('interval') ?? METRICS_DEFAULTS.metricsIntervalMs;
  if (!isWhole(interval, min, max)) throw reader.refused('interval', `a whole number from ${min} to ${max}`);
  const found = otlpExporter(exporter, 'metrics', directory);
  if (found === null) return [];
  return [{ ...found, metrics: { ...found.metrics, metricsIntervalMs: interval } }];
}

function prometheusIn(exporter: FilePart): PrometheusPlace | null {
  const { part } = exporter.oneOf(['prometheus/development']) ?? {};
  if (part === undefined) return null;
  const { min, max } = SETTINGS.OTEL_EXPORTER_PROMETHEUS_PORT;
  const port = part.number('port');
  if (port !== null && !isWhole(port, min, max))
    throw part.refused('port', `a whole number from ${min} to ${max}`);
  return { host: part.text('host'), port };
}

function isWhole(number: number, min: number, max: number): boolean {
  return Number.isInteger(number) && number >= min && number <= max;
}

type FoundExporter = Exporter & { readonly metrics: Exclude<Exporter['metrics'], undefined> };

function otlpExporter(exporter: FilePart, signal: OtlpSignal, directory: string): FoundExporter | null {
  const found = exporter.oneOf(OTLP);
  if (found === null) return null;
  const { name, part } = found;
  const encoding: OtlpProtocol =
    name === 'otlp_http' && part.text('encoding') === 'json' ? 'http/json' : 'http/protobuf';
  const protocol: OtlpProtocol = name === 'otlp_grpc' ? 'grpc' : encoding;
  const tls = part.part('tls');
  const endpoint = {
    protocol,
    url: urlIn(part, tls, { protocol, signal }),
    compression: compressionIn(part),
    headers: headersIn(part),
    timeoutMs: timeoutIn(part),
    certificate: pathIn(tls, 'ca_file', directory),
    clientKey: pathIn(tls, 'key_file', directory),
    clientCertificate: pathIn(tls, 'cert_file', directory),
  };
  return { endpoint, metrics: signal === 'metrics' ? metricsIn(part) : METRICS_DEFAULTS, at: exporter, name };
}

/** With gRPC `host:port` will do; `insecure` then says whether that means TLS. */
function urlIn(
  part: FilePart,
  tls: FilePart | null,
  { protocol, signal }: { readonly protocol: OtlpProtocol; readonly signal: OtlpSignal },
): string {
  const isGrpc = protocol === 'grpc';
  const local = isGrpc ? LOCAL_URLS.grpc : urlOfSignal(LOCAL_URLS[protocol], signal);
  const given = part.text('endpoint') ?? local;
  const insecure = isGrpc && (tls?.flag('insecure') ?? false);
  const url = isGrpc && !given.includes('://') ? `${insecure ? 'http' : 'https'}://${given}` : given;
  if (!isEndpoint(url)) throw part.refused('endpoint', `a URL such as ${local}`);
  return url;
}

function compressionIn(part: FilePart): OtlpEndpoint['compression'] {
  const asked = part.text('compression') ?? 'none';
  const known = COMPRESSIONS.find((one) => one === asked);
  if (known === undefined) part.leave('compression');
  return known ?? 'none';
}

/** Without an end nothing is waited for here, which the file asks for by 0. */
function timeoutIn(part: FilePart): number {
  const asked = part.number('timeout') ?? TIMEOUT_MS_DEFAULT;
  if (isWhole(asked, 1, TIMEOUT_MS_MAX)) return asked;
  part.leave('timeout');
  return TIMEOUT_MS_DEFAULT;
}

/** The list's, and over them those named one by one. They hold keys, so none is shown. */
function headersIn(part: FilePart): Record<string, string> {
  const listed = headersInList(part.text('headers_list') ?? '');
  if (listed === null) throw part.refused('headers_list', 'pairs such as api-key=secret', 'something else');
  const named = part.parts('headers').flatMap((one) => {
    const [name, value] = [one.text('name') ?? '', one.value('value')];
    return typeof value === 'string' ? [header(name, value)] : [];
  });
  if (named.includes(null)) throw part.refused('headers', 'names and values of headers', 'something else');
  return { ...listed, ...Object.fromEntries(named.filter((one) => one !== null)) };
}

function pathIn(tls: FilePart | null, name: string, directory: string): string | null {
  const path = tls?.text(name) ?? null;
  return path === null ? null : resolve(directory, path);
}

function metricsIn(part: FilePart): FoundExporter['metrics'] {
  const temporality = part.text('temporality_preference')?.replace('_', '') as Temporality | undefined;
  const histograms = part.text('default_histogram_aggregation') as HistogramKind | null;
  return {
    ...METRICS_DEFAULTS,
    temporality: temporality ?? METRICS_DEFAULTS.temporality,
    histograms: histograms ?? METRICS_DEFAULTS.histograms,
  };
}
