import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { hostOf, type WebhookHost } from '../../config/webhook-hosts.ts';
import type { Delivery } from '../../core/alerts/stored-alerts.ts';
import { SECOND_MS } from '../../core/units.ts';
import { WebhookPolicy } from './webhook-policy.ts';

const TIMEOUT_MS = 10 * SECOND_MS;

export interface WebhookSenderOptions {
  /** Besides those of the Internet. */
  readonly hosts: readonly WebhookHost[];
  /** For a whole try. @default 10 s */
  readonly timeoutMs?: number;
  /** Every address of a host; rejects where it has none. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** How one try went, for the operator: it is not for those who look, who could probe a network with it. */
export interface SendResult {
  readonly ok: boolean;
  /** The same again may help. */
  readonly again: boolean;
  /** Without the address and the answer's body: `answered 500`, `did not answer (ECONNREFUSED)`. */
  readonly outcome: string;
}

/**
 * Sends messages to addresses that the policy admits. A host is resolved once per try, and the addresses that were judged are
 * those that are connected to: a name that leads elsewhere a moment later (DNS rebinding) gains nothing.
 */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #policy: WebhookPolicy;
  /** Fulfilled when nobody looks a host up. */
  #lookedUp: Promise<unknown> = Promise.resolve();

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    this.#policy = new WebhookPolicy(options.hosts);
  }

  /** `unknown`: its host has no address at the moment, or none in time. */
  async judge(address: string): Promise<'admitted' | 'refused' | 'unknown'> {
    try {
      const admitted = await this.#admitted(new URL(address), this.#timeout());
      return admitted.length > 0 ? 'admitted' : 'refused';
    } catch {
      return 'unknown';
    }
  }

  /** One try, never rejecting. Redirects are not followed: the body is for this address only. */
  async send(
    address: string,
    message: Pick<Delivery, 'id' | 'body'>,
    givenUp: AbortSignal,
  ): Promise<SendResult> {
    const url = new URL(address);
    const signal = AbortSignal.any([givenUp, this.#timeout()]);
    try {
      const addresses = await this.#admitted(url, signal);
      if (addresses.length === 0) return REFUSED;
      const status = await Promise.race([post({ url, message, addresses, signal }), aborted(signal)]);
      return { ok: isSuccess(status), again: mayHelp(status), outcome: `answered ${status}` };
    } catch (error) {
      return { ok: false, again: true, outcome: `did not answer (${reasonOf(error)})` };
    }
  }

  async #admitted(url: URL, signal: AbortSignal): Promise<LookupAddress[]> {
    const addresses = await Promise.race([this.#resolve(hostOf(url), signal), aborted(signal)]);
    return addresses.filter(({ address }) => this.#policy.admits(url, address));
  }

  /**
   * One after the other: a lookup cannot be cancelled, and those of names whose servers do not answer would take half of the
   * threads that the app's own files and lookups need. Who gave up while it waited has none. An address needs none.
   */
  #resolve(host: string, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const { resolve = systemResolver } = this.#options;
    const family = isIP(host);
    if (family !== 0) return Promise.resolve([{ address: host, family }]);
    const found = this.#lookedUp.then(() => {
      signal.throwIfAborted();
      return resolve(host);
    });
    this.#lookedUp = found.catch(ignoreFailure);
    return found;
  }

  #timeout(): AbortSignal {
    return AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS);
  }
}

const REFUSED: SendResult = {
  ok: false,
  again: false,
  outcome: 'is at an address that is none of the Internet, and NERVECENTER_WEBHOOK_HOSTS does not name it',
};

function systemResolver(host: string): Promise<LookupAddress[]> {
  return lookup(host, { all: true });
}

interface Post {
  readonly url: URL;
  readonly message: Pick<Delivery, 'id' | 'body'>;
  readonly addresses: readonly LookupAddress[];
  readonly signal: AbortSignal;
}

/** Resolves to the status; of the answer's body nothing is read. */
function post({ url, message: { id, body }, addresses, signal }: Post): Promise<number> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'nervecenter',
    'x-nervecenter-delivery': id,
  };
  // No agent: a connection kept open would be to an address that was judged for another message.
  const options = { method: 'POST', headers, signal, agent: false, lookup: answering(addresses) };
  return new Promise((resolve, reject) => {
    const sending = request(url, options, (response) => {
      resolve(response.statusCode ?? 0);
      response.on('error', ignoreFailure);
      response.destroy();
    });
    // A switch of protocols that nobody listens for would end the connection without a word.
    sending.on('upgrade', (response, socket) => {
      resolve(response.statusCode ?? 0);
      socket.destroy();
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

type Answer = (error: null, address: string | LookupAddress[], family?: number) => void;

/** A resolver that knows these addresses only. */
function answering(addresses: readonly LookupAddress[]) {
  return (_host: string, { all }: LookupOptions, answer: Answer): void => {
    const [first] = addresses;
    if (all === true || first === undefined) answer(null, [...addresses]);
    else answer(null, first.address, first.family);
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Refusals that the same request gets again are not repeated. */
function mayHelp(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/** The kind of failure and nothing of the address: a code such as `ECONNREFUSED`, or a name such as `TimeoutError`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ABORT_ERR' && error.cause instanceof Error) return error.cause.name;
  return code === undefined || typeof code !== 'string' ? error.name : code;
}

/** Of an answer that nobody reads. */
function ignoreFailure(): void {}
