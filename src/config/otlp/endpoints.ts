import { resolve } from 'node:path';
import { nearestName } from '../nearest-name.ts';
import { printable, type SettingReader } from '../setting-reader.ts';
import {
  COMPRESSIONS,
  OTLP_SIGNALS,
  type OtlpEndpoint,
  type OtlpProtocol,
  type OtlpSignal,
  PROTOCOLS,
} from './target.ts';

export const TIMEOUT_MS_DEFAULT = 10_000;
const BASE = 'OTEL_EXPORTER_OTLP';
/** The receiver on this machine, where only sending is asked for. */
export const LOCAL_URLS: Readonly<Record<OtlpProtocol, string>> = {
  'http/protobuf': 'http://localhost:4318',
  'http/json': 'http://localhost:4318',
  grpc: 'http://localhost:4317',
};
const EXPORTER = 'otlp';
const NO_EXPORTER = 'none';
/** Those of the specification, whoever has them; what is none of them is as good as unset, as it says. */
const EXPORTERS: readonly string[] = [
  EXPORTER,
  NO_EXPORTER,
  'console',
  'logging',
  'prometheus',
  'zipkin',
  'jaeger',
];
/** What may stand in a header (RFC 9110); a newline would begin another. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What the standard variables say of each signal that is to be sent, those of its own before those of all. */
export function otlpEndpoints(
  setting: SettingReader,
  cwd: string,
): Partial<Record<OtlpSignal, OtlpEndpoint>> {
  const endpoints = OTLP_SIGNALS.map((signal) => [
    signal,
    endpointOf(new SignalVariables(setting, signal), cwd),
  ]);
  return Object.fromEntries(endpoints.filter(([, endpoint]) => endpoint !== null));
}

function endpointOf(variables: SignalVariables, cwd: string): OtlpEndpoint | null {
  const protocol = variables.choice('PROTOCOL', PROTOCOLS);
  const url = variables.url(protocol);
  const endpoint = {
    protocol,
    compression: variables.choice('COMPRESSION', COMPRESSIONS),
    headers: variables.headers(),
    timeoutMs: variables.milliseconds('TIMEOUT', TIMEOUT_MS_DEFAULT),
    certificate: variables.path('CERTIFICATE', cwd),
    clientKey: variables.path('CLIENT_KEY', cwd),
    clientCertificate: variables.path('CLIENT_CERTIFICATE', cwd),
  };
  return url === null ? null : { url, ...endpoint };
}

/** The variables of one signal: `OTEL_EXPORTER_OTLP_TRACES_…`, else `OTEL_EXPORTER_OTLP_…`. */
class SignalVariables {
  readonly #setting: SettingReader;
  readonly #signal: OtlpSignal;

  constructor(setting: SettingReader, signal: OtlpSignal) {
    this.#setting = setting;
    this.#signal = signal;
  }

  /** Where to, `null` when the signal is not to be sent. */
  url(protocol: OtlpProtocol): string | null {
    const { name, value, own } = this.#value('ENDPOINT');
    const asked = this.#setting
      .exporters(`OTEL_${this.#signal.toUpperCase()}_EXPORTER`)
      .filter((exporter) => EXPORTERS.includes(exporter));
    if (asked.includes(NO_EXPORTER)) return null;
    if (asked.length === 0 ? value === null : !asked.includes(EXPORTER)) return null;
    const url = value ?? LOCAL_URLS[protocol];
    if (!isEndpoint(url)) {
      this.#refuse(name, 'a URL such as http://localhost:4318', url);
      return null;
    }
    return own || protocol === 'grpc' ? url : urlOfSignal(url, this.#signal);
  }

  choice<Choice extends string>(what: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const { name, value } = this.#value(what);
    const choice = value === null ? choices[0] : choices.find((one) => one === value.toLowerCase());
    if (choice === undefined) this.#refuse(name, `one of ${choices.join(', ')}`, value ?? '');
    return choice ?? choices[0];
  }

  milliseconds(what: string, fallback: number): number {
    const { name, value } = this.#value(what);
    if (value === null) return fallback;
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    this.#refuse(name, 'milliseconds, a whole number from 1', value);
    return fallback;
  }

  path(what: string, cwd: string): string | null {
    const { value } = this.#value(what);
    return value === null ? null : resolve(cwd, value);
  }

  /** Those of all signals, and over them those of this one. */
  headers(): Record<string, string> {
    return { ...this.#headersIn(`${BASE}_HEADERS`), ...this.#headersIn(this.#nameOf('HEADERS')) };
  }

  #headersIn(name: string): Record<string, string> {
    const headers = headersInList(this.#setting.text(name) ?? '');
    if (headers === null) this.#refuse(name, 'pairs such as api-key=secret', 'something else');
    return headers ?? {};
  }

  #value(what: string): { readonly name: string; readonly value: string | null; readonly own: boolean } {
    const own = this.#setting.text(this.#nameOf(what));
    const name = own === null ? `${BASE}_${what}` : this.#nameOf(what);
    return { name, value: own ?? this.#setting.text(name), own: own !== null };
  }

  #nameOf(what: string): string {
    return `${BASE}_${this.#signal.toUpperCase()}_${what}`;
  }

  /** Once, though it may be asked of every signal. */
  #refuse(name: string, expected: string, value: string): void {
    const problem = `${name}: expected ${expected}, got "${printable(value)}". Correct it or unset it.`;
    if (!this.#setting.problems.includes(problem)) this.#setting.problems.push(problem);
  }
}

/** Exporters of spans and logs that nobody has, and what each was probably meant to be; of metrics the agent says it. */
export function unknownExporters(
  setting: SettingReader,
): { readonly name: string; readonly meant: string | null }[] {
  return ['OTEL_TRACES_EXPORTER', 'OTEL_LOGS_EXPORTER'].flatMap((variable) =>
    setting
      .exporters(variable)
      .filter((exporter) => !EXPORTERS.includes(exporter))
      .map((exporter) => ({
        name: `${variable}=${printable(exporter)}`,
        meant: nearestName(exporter, [EXPORTER, NO_EXPORTER]),
      })),
  );
}

export function isEndpoint(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** The path of a signal under an endpoint for all of them; the endpoint's query stays. */
export function urlOfSignal(base: string, signal: OtlpSignal): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/${signal}`;
  return url.href;
}

/** Names are told apart whatever their case. `null`: no header, or one that would break a request. */
export function header(name: string, value: string): readonly [name: string, value: string] | null {
  return HEADER_NAME.test(name) && HEADER_VALUE.test(value) ? [name.toLowerCase(), value] : null;
}

/** Pairs with commas between them; `null` where one of them is no header. */
export function headersInList(list: string): Record<string, string> | null {
  const pairs = list.split(',').filter((pair) => pair.trim() !== '');
  const headers = pairs.map((pair) => headerIn(pair)).filter((one) => one !== null);
  return headers.length === pairs.length ? Object.fromEntries(headers) : null;
}

/** `name=value`, both percent-encoded where need be (W3C Baggage). */
function headerIn(pair: string): readonly [name: string, value: string] | null {
  const at = pair.indexOf('=');
  if (at < 1) return null;
  try {
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)].map((part) =>
      decodeURIComponent(part.trim()),
    );
    return header(name ?? '', value ?? '');
  } catch {
    return null; // A percent sign that begins nothing.
  }
}
