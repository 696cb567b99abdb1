import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { type App, listening, setUser, stream, tick } from './contract.ts';

const require = createRequire(import.meta.url);

interface Request extends IncomingMessage {
  readonly params: Readonly<Record<string, string>>;
  readonly body: unknown;
}
interface Response extends ServerResponse {
  send(body: string): void;
  json(body: unknown): void;
}
type Handler = (request: Request, response: Response, next: (error?: unknown) => void) => unknown;
type ErrorHandler = (error: unknown, request: Request, response: Response, next: () => void) => unknown;
type Path = string | RegExp | readonly string[];
type Register = (path: Path, ...handlers: readonly (Handler | Router)[]) => unknown;

/** What the suite uses of Express, which carries no types. */
export interface Router extends Handler {
  readonly get: Register;
  readonly post: Register;
  readonly all: Register;
  use(path: Path, ...handlers: readonly (Handler | Router)[]): unknown;
  use(handler: Handler | ErrorHandler): unknown;
  set(name: string, value: unknown): unknown;
}
export interface Express {
  (): Router;
  Router(options?: { readonly mergeParams?: boolean }): Router;
  json(): Handler;
  static(folder: string): Handler;
}

/** @param name `express` (5) or `express4`. */
export function loadExpress(name: string): Express {
  return require(name) as Express;
}

export async function expressApp(name: string): Promise<App> {
  const express = loadExpress(name);
  const app = express();
  app.set('env', 'test');
  app.use(express.json());
  app.get('/', (_request, response) => response.send('root'));
  app.get('/users/:id', (_request, response) => response.send('user'));
  app.get('/who/:id', async (request, response) => {
    await tick();
    setUser(request.params['id'] ?? '');
    response.send('who');
  });
  app.post('/users/:id', (request, response) => {
    setUser(request.params['id'] ?? '');
    response.json(request.body);
  });
  const orgs = express.Router({ mergeParams: true });
  orgs.get('/users/:id', (_request, response) => response.send('user of org'));
  orgs.get('/fail', () => {
    throw new Error('fails on purpose');
  });
  app.use('/orgs/:org', orgs);
  app.get('/stream', (_request, response) =>
    stream(
      (chunk) => response.write(chunk),
      (chunk) => response.end(chunk),
    ),
  );
  app.get('/hang', () => {});
  app.get('/half', (_request, response) => response.write('half'));
  return { server: await listening(app as unknown as RequestListener), routes: true };
}
