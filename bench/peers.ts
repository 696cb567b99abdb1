import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const directory = import.meta.dirname;
const peerRequire = createRequire(join(directory, 'package.json'));

/** A package of `bench/package.json`. It is loaded at run time: the root's type check must not need it to be installed. */
export function peer<T>(name: string): T {
  return peerRequire(name) as T;
}

/** Path of a module of a peer, for `--require`. */
export function peerPath(name: string): string {
  return peerRequire.resolve(name);
}

/** What was added last: an older installation lacks it. */
const NEWEST = ['prom-client', '@traceloop/instrumentation-openai', 'protobufjs'];

/** Installs what we compare with, once. */
export function installPeers(): void {
  if (NEWEST.every((name) => existsSync(join(directory, 'node_modules', name)))) return;
  console.log('Installing the peers into bench/node_modules, once ...');
  execFileSync('npm', ['ci', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
}

/** What is used of protobufjs 7. */
export interface Protobufjs {
  parse(schema: string): { readonly root: { lookupType(name: string): MessageType } };
}

export interface MessageType {
  fromObject(fields: object): object;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

/** What is used of prom-client 15. */
export interface PromClient {
  readonly Registry: new () => PromRegistry;
  readonly Histogram: new (options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly string[];
    readonly buckets?: readonly number[];
    readonly registers?: readonly PromRegistry[];
  }) => { observe(labels: Readonly<Record<string, string | number>>, value: number): void };
}

export interface PromRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}
