import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { makeCertificate } from '../support/tls/certificate.ts';

const CONFIGURATION = join(import.meta.dirname, '..', '..', 'deploy', 'nginx', 'nervecenter.conf');
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

export interface Behind {
  readonly authorityPort: number;
  readonly collectorPort: number;
  readonly token: string;
}

/** A real nginx with the configuration that we ship, at addresses of this test. */
export class Nginx {
  readonly port: number;
  /** Its certificate, in PEM. */
  readonly ca: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(port: number, ca: string, child: ChildProcess, directory: string) {
    this.port = port;
    this.ca = ca;
    this.#child = child;
    this.#directory = directory;
  }

  static async start(behind: Behind, name: string): Promise<Nginx> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-nginx-'));
    const port = await freePort();
    const { cert, key } = makeCertificate({ names: [name] });
    const write = (file: string, text: string) => writeFileSync(join(directory, file), text);
    write(`${name}.crt`, cert);
    write(`${name}.key`, key);
    write('nervecenter-token.conf', `set $nervecenter_token "${behind.token}";\n`);
    write('site.conf', shipped({ ...behind, port, directory }));
    for (const kind of TEMPORARY) mkdirSync(join(directory, kind));
    const temporary = TEMPORARY.map((kind) => `${kind}_temp_path ${join(directory, kind)};`).join('\n');
    write(
      'nginx.conf',
      `daemon off; master_process off; pid ${join(directory, 'pid')}; error_log stderr warn;
events { worker_connections 64; }
http { access_log off; ${temporary} include ${join(directory, 'site.conf')}; }\n`,
    );
    const args = ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')];
    const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    const nginx = new Nginx(port, cert, child, directory);
    await until(() => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${stderr}`);
      return isUp(port, cert, name);
    });
    return nginx;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill();
      await closed;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What is in the repository, with other ports and paths. Each has to be found, or the test is of something else. */
function shipped(at: Behind & { readonly port: number; readonly directory: string }): string {
  let text = readFileSync(CONFIGURATION, 'utf8').replace(/^#.*\n/gm, '');
  for (const [what, instead] of [
    ['listen 443 ssl', `listen 127.0.0.1:${at.port} ssl`],
    ['127.0.0.1:4180', `127.0.0.1:${at.authorityPort}`],
    ['127.0.0.1:9464', `127.0.0.1:${at.collectorPort}`],
    ['/etc/nginx/', `${at.directory}/`],
  ] as const) {
    if (!text.includes(what)) throw new Error(`"${what}" is not in ${CONFIGURATION}`);
    text = text.replaceAll(what, instead);
  }
  return text;
}

function isUp(port: number, ca: string, servername: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, ca, servername, path: '/oauth2/sign_in', agent: false };
    request(options, (response) => {
      response.resume();
      resolve(true);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
