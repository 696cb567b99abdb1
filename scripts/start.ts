// `npm start`: the sample app under the agent, with traffic. Starts the provider stub, the app and the driver in this order
// and stops driver, stub and app when told to, or when one of them ends by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

interface Part {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether it reports when it is ready, and ends when this process does. */
  readonly supervised: boolean;
}

const APP = 'sample app';
const APP_PORT = 3000;
const HOST = '127.0.0.1';
const READY_MS = 60_000;
const POLL_MS = 100;
const PARENT_POLL_MS = 500;
/** The agent takes at most 3 s to hand over what it holds, and the embedded database closes its files after that. */
const STOP_MS = 15_000;
/** With a real provider every question costs money, so the driver asks one now and then only. */
const PAID_PACE = '0.02';

const root = join(import.meta.dirname, '..');
const example = join('examples', 'rag-app');
const paid = Boolean(process.env['OPENAI_API_KEY']);
const running = new Map<string, ChildProcess>();
let stopping: Promise<void> | null = null;

function launch({ name, args, env, supervised }: Part): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: supervised ? ['ignore', 'inherit', 'inherit', 'ipc'] : ['ignore', 'inherit', 'inherit'],
  });
  running.set(name, child);
  child.once('error', (error) => fail(`The ${name} could not be started: ${error.message}.`));
  child.once('exit', (code, signal) => {
    running.delete(name);
    fail(`The ${name} ended unexpectedly (${signal === null ? `code ${code}` : signal}).`);
  });
  return child;
}

/** Starts the stand-in for the model providers and returns what tells the app about it. */
async function startStub(): Promise<Record<string, string>> {
  if (paid) {
    console.log('OPENAI_API_KEY is set: the real provider answers and is paid for, so traffic is slow.');
    return {};
  }
  const args = [join(example, 'provider-stub.js')];
  const stub = launch({ name: 'provider stub', args, env: { STUB_PORT: '0' }, supervised: true });
  const url = await new Promise<string>((resolve) => {
    stub.once('message', (message) => resolve((message as { url: string }).url));
  });
  return { PROVIDER_STUB_URL: url };
}

/** Starts the app, waits until it answers and returns what tells the driver about it. */
async function startApp(env: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const port = String(await freePort());
  const url = `http://${HOST}:${port}`;
  const app = launch({
    name: APP,
    args: ['--require', './otel.js', join(example, 'app.js')],
    env: { OTEL_SERVICE_NAME: process.env['OTEL_SERVICE_NAME'] ?? 'rag-app', HOST, PORT: port, ...env },
    supervised: false,
  });
  const deadlineMs = performance.now() + READY_MS;
  while (stopping === null && !(await answers(`${url}/healthz`))) {
    if (performance.now() > deadlineMs) fail(`The ${APP} did not answer within ${READY_MS / 1000} s.`);
    await wait(POLL_MS);
  }
  return { RAG_APP_URL: url, RAG_APP_PID: String(app.pid) };
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(READY_MS) }).catch(() => null);
  await response?.body?.cancel();
  return response?.ok === true;
}

/** The port people expect, or any other when somebody else has it. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(APP_PORT, HOST);
  await once(server, 'listening').catch(() => once(server.listen(0, HOST), 'listening'));
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : APP_PORT;
}

function startDriver(env: Readonly<Record<string, string>>): void {
  const pace: Record<string, string> = paid ? { DRIVER_PACE: PAID_PACE } : {};
  launch({ name: 'driver', args: [join(example, 'driver.js')], env: { ...pace, ...env }, supervised: true });
}

function fail(sentence: string): void {
  if (stopping !== null) return;
  console.error(`${sentence} Stopping everything.`);
  stop(1);
}

function stop(exitCode: number): void {
  stopping ??= stopParts().then(() => process.exit(exitCode));
}

/** First whoever sends work, then whoever answers it, then the app, which hands over its last rows to the database. */
async function stopParts(): Promise<void> {
  for (const name of ['driver', 'provider stub', APP]) {
    const child = running.get(name);
    if (child?.pid === undefined) continue;
    const exit = once(child, 'exit').then(() => true);
    child.kill('SIGTERM');
    if (await Promise.race([exit, wait(STOP_MS, false, { ref: false })])) continue;
    console.error(`The ${name} did not stop within ${STOP_MS / 1000} s and was killed.`);
    child.kill('SIGKILL');
    await exit;
  }
}

/** A signal to npm ends npm and its shell but never reaches this process; that they are gone is all there is to see. */
function stopWithNpm(): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop(0);
  }, PARENT_POLL_MS).unref();
}

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  stopWithNpm();
  const provider = await startStub();
  const app = await startApp(provider);
  if (stopping !== null) return;
  startDriver(app);
  console.log(`Questions come by themselves. One of your own, which the dashboard shows within seconds:
  curl ${app['RAG_APP_URL']}/ask -H 'content-type: application/json' -d '{"question": "What does fault E31 mean?"}'`);
}

await main().catch((error: Error) => fail(`The sample could not be started: ${error.message}.`));
