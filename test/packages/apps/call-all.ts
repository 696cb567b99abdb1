import { callsOf as callsOfOpenAi } from './calls-openai.ts';
import { callsOf as callsOfOthers } from './calls-others.ts';
import { everyHostIsHere } from './named-hosts.ts';

/** Loads a package as the app's module system does. */
export type Load = (name: string) => unknown;

/** Where the stand-ins of the providers listen. */
export interface Ports {
  readonly http: string;
  readonly http2: string;
}

/** What an app asks, under a name that its row is found by. Prompts that say `busy` are refused once, answers to `leave` have no end. */
export type Calls = Readonly<Record<string, () => Promise<unknown>>>;

/** Makes every call, one after the other, and says which failed. `node llm.mjs <port> <HTTP/2 port>` */
export async function callAll(load: Load): Promise<void> {
  everyHostIsHere();
  const [, , http = '', http2 = ''] = process.argv;
  const { withUser } = (await load('nervecenter')) as typeof import('../../../src/index.ts');
  const calls = {
    ...(await callsOfOpenAi(load, { http, http2 })),
    ...(await callsOfOthers(load, { http, http2 })),
  };
  for (const [name, call] of Object.entries(calls)) {
    // A retry is linked by the wire alone: outside any work of the app's, whose trace it would share anyway.
    await (name.endsWith('busy') ? call() : withUser({ email: name }, call)).catch((error: unknown) => {
      process.stdout.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    });
  }
  // Some packages keep the connection of a stream that was left.
  process.exit();
}

/** Reads a stream to its end, as apps do. */
export async function drain(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** Reads a stream's first event and lets go of it. */
export async function leave(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of stream) break;
}
