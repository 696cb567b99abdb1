import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const ROOT = join(import.meta.dirname, '..', '..');

/** What package-lock.json says of one installed package, by its directory. */
interface LockedPackage {
  readonly name?: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

export interface LoopbackRegistry {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A package registry on loopback that serves what `npm ci` has installed here, so that a test can run a real
 * `npm install` without a network: npm itself resolves, lays out and links, and fails for what nobody declared.
 */
export async function startLoopbackRegistry(): Promise<LoopbackRegistry> {
  const installed = lockedPackages();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname).slice(1);
    const [directory] = /node_modules\/.*(?=\.tgz$)/.exec(path) ?? [];
    if (directory !== undefined) void answerTarball(response, directory);
    else answerPackument(response, path, { installed, url: urlOf(server.address() as AddressInfo) });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: urlOf(server.address() as AddressInfo),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function urlOf({ port }: AddressInfo): string {
  return `http://127.0.0.1:${port}/`;
}

function lockedPackages(): ReadonlyMap<string, LockedPackage> {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return new Map(Object.entries(lock.packages).filter(([directory]) => directory !== ''));
}

interface Catalogue {
  readonly installed: ReadonlyMap<string, LockedPackage>;
  readonly url: string;
}

/** The document npm resolves versions with; the version at the top of `node_modules` is the latest. */
function answerPackument(response: ServerResponse, name: string, { installed, url }: Catalogue): void {
  const versions: Record<string, object> = {};
  for (const [directory, { integrity: _ofThePublishedTarball, ...locked }] of installed) {
    const folder = directory.slice(directory.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if ((locked.name ?? folder) !== name) continue;
    const tarball = `${url}${encodeURIComponent(directory)}.tgz`;
    versions[locked.version] = { ...locked, name, dist: { tarball } };
  }
  const latest = installed.get(`node_modules/${name}`)?.version ?? Object.keys(versions).at(-1);
  response.writeHead(latest === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions }));
}

async function answerTarball(response: ServerResponse, directory: string): Promise<void> {
  const path = join(ROOT, directory);
  const tar = spawn(
    'tar',
    ['-cf', '-', '-C', dirname(path), `--exclude=${basename(path)}/node_modules`, basename(path)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  // npm notices an incomplete archive by itself.
  await pipeline(tar.stdout, response).catch(() => tar.kill());
}
