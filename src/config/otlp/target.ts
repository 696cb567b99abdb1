export const OTLP_SIGNALS = ['traces', 'metrics', 'logs'] as const;
export type OtlpSignal = (typeof OTLP_SIGNALS)[number];

export const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const;
export type OtlpProtocol = (typeof PROTOCOLS)[number];

export const COMPRESSIONS = ['none', 'gzip'] as const;
export type OtlpCompression = (typeof COMPRESSIONS)[number];

/** Where one signal of one target goes. */
export interface OtlpEndpoint {
  /** With `http/…` the whole URL, with `grpc` the server's. */
  readonly url: string;
  readonly protocol: OtlpProtocol;
  readonly compression: OtlpCompression;
  readonly headers: Readonly<Record<string, string>>;
  /** What one attempt may take. */
  readonly timeoutMs: number;
  /** Files in PEM: who may vouch for the server, and who we are; `null` where there is none. */
  readonly certificate: string | null;
  readonly clientKey: string | null;
  readonly clientCertificate: string | null;
}

export const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;
export type Temporality = (typeof TEMPORALITIES)[number];

export const HISTOGRAM_KINDS = ['base2_exponential_bucket_histogram', 'explicit_bucket_histogram'] as const;
export type HistogramKind = (typeof HISTOGRAM_KINDS)[number];

/** The name of the target that the standard variables describe, or the first exporters of a configuration file. */
export const STANDARD_TARGET = 'otlp';

/** A backend that what is seen goes to. */
export interface OtlpTarget {
  /** Names its spool and its figures: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Where each signal goes; one without an endpoint does not. */
  readonly endpoints: Readonly<Partial<Record<OtlpSignal, OtlpEndpoint>>>;
  /** It is another nervecenter: it gets the events themselves, and makes the same rows of them. */
  readonly nervecenter: boolean;
  /** Names of services; `null`: all. */
  readonly services: readonly string[] | null;
  readonly temporality: Temporality;
  readonly histograms: HistogramKind;
  readonly metricsIntervalMs: number;
}

/** Whether what is sent has spans, or events that become some elsewhere. */
export function sendsSpans(targets: readonly OtlpTarget[]): boolean {
  return targets.some(
    ({ nervecenter, endpoints }) => (nervecenter ? endpoints.logs : endpoints.traces) !== undefined,
  );
}
