import type { SecureContextOptions, Server } from 'node:tls';
import type { TlsFiles } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { DAY_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import { nameOf, type PemFiles, readPemFiles } from './pem-files.ts';

/**
 * The files are read this often. No watching: a secret of Kubernetes is a link to a link that is replaced, a certificate from
 * a bot is renamed into place, and a network's file system tells nobody.
 */
const LOOK_MS = 5 * SECOND_MS;
/** Whoever renews certificates by a machine has done so by then. */
const EXPIRY_NOTICE_MS = 7 * DAY_MS;

export interface IdentityOptions {
  readonly files: TlsFiles;
  readonly log: Log;
  /** @default 5 s */
  readonly lookMs?: number;
  /** @default Date.now */
  readonly now?: () => number;
}

/** What our listeners prove themselves with. Connections that are open keep what they began with. */
export class TlsIdentity {
  readonly #options: IdentityOptions;
  readonly #servers = new Set<Server>();
  readonly #broken: Condition;
  readonly #validity: Condition;
  #timer: NodeJS.Timeout | undefined;
  #files: PemFiles;
  /** What was wrong at the last look: of two files one is always replaced first. */
  #suspected: string | null = null;

  /** @throws NervecenterError `NC_CONFIG_INVALID` when the files cannot be used. */
  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#broken = new Condition(options.log, 'tls');
    this.#validity = new Condition(options.log, 'tls');
    this.#files = readPemFiles(options.files);
    this.#judgeValidity();
  }

  /** For a new server, which `join` keeps up to date. */
  get context(): SecureContextOptions {
    const { cert, key } = this.#files;
    return { cert, key, minVersion: 'TLSv1.2' };
  }

  /** The server has each new certificate as long as it listens; while none does, nobody looks at the files. */
  join(server: Server): void {
    server.once('listening', () => {
      server.setSecureContext(this.context);
      this.#servers.add(server);
      this.#timer ??= setInterval(() => this.#look(), this.#options.lookMs ?? LOOK_MS).unref();
    });
    server.once('close', () => {
      this.#servers.delete(server);
      if (this.#servers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  #look(): void {
    try {
      const files = readPemFiles(this.#options.files);
      this.#suspected = null;
      if (files.cert !== this.#files.cert || files.key !== this.#files.key) this.#replace(files);
      this.#broken.end('the files can be used again');
    } catch (error) {
      const problem = describeError(error);
      if (problem === this.#suspected)
        this.#broken.begin(`${problem} The certificate read before stays in use.`, problem);
      this.#suspected = problem;
    }
    this.#judgeValidity();
  }

  #replace(files: PemFiles): void {
    this.#files = files;
    for (const server of this.#servers) server.setSecureContext(this.context);
    const { certificate } = files;
    this.#options.log(
      'tls',
      `a new certificate is in use: ${nameOf(certificate)}, valid to ${certificate.validTo}`,
    );
  }

  #judgeValidity(): void {
    const trouble = validityTrouble(this.#files, (this.#options.now ?? Date.now)());
    if (trouble === null) this.#validity.end();
    else this.#validity.begin(trouble, trouble);
  }
}

/** What is wrong with the time of a certificate, or soon will be; `null`: nothing. */
export function validityTrouble({ certificate }: PemFiles, nowMs: number): string | null {
  const { validFrom, validTo } = certificate;
  const named = `the certificate of NERVECENTER_TLS_CERT (${nameOf(certificate)})`;
  if (nowMs > Date.parse(validTo))
    return `${named} has expired, on ${validTo}: browsers and senders refuse it. Renew it.`;
  if (nowMs < Date.parse(validFrom))
    return `${named} is not valid before ${validFrom}: is this machine's clock right?`;
  if (nowMs + EXPIRY_NOTICE_MS > Date.parse(validTo)) return `${named} expires on ${validTo}. Renew it.`;
  return null;
}
