import type { IncomingMessage, RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { type App, listening, setUser, stream, tick } from './contract.ts';

const require = createRequire(import.meta.url);

interface Context {
  body: unknown;
  readonly req: IncomingMessage;
  readonly params: Readonly<Record<string, string>>;
}
type Middleware = (context: Context, next: () => Promise<void>) => unknown;

/** What the suite uses of Koa and its router, of which Koa carries no types. */
interface Koa {
  silent: boolean;
  use(middleware: Middleware): Koa;
  callback(): RequestListener;
}
export interface KoaRouter {
  get(path: string, middleware: Middleware): KoaRouter;
  post(path: string, middleware: Middleware): KoaRouter;
  use(path: string | Middleware, middleware?: Middleware): KoaRouter;
  routes(): Middleware;
  allowedMethods(): Middleware;
}

export function loadKoa(): { Application: new () => Koa; Router: new () => KoaRouter } {
  return { Application: require('koa'), Router: require('@koa/router').Router };
}

export async function koaApp(): Promise<App> {
  const { Application, Router } = loadKoa();
  const app = new Application();
  app.silent = true;
  const router = new Router();
  router.use(async (_context, next) => next());
  router.get('/', text('root'));
  router.get('/users/:id', text('user'));
  router.get('/who/:id', async (context) => {
    await tick();
    setUser(context.params['id'] ?? '');
    context.body = 'who';
  });
  router.post('/users/:id', async (context) => {
    await context.req.toArray();
    setUser(context.params['id'] ?? '');
    context.body = 'ok';
  });
  const orgs = new Router();
  orgs.get('/users/:id', text('user of org'));
  orgs.get('/fail', () => {
    throw new Error('fails on purpose');
  });
  router.use('/orgs/:org', orgs.routes());
  router.get('/stream', (context) => {
    const body = new PassThrough();
    context.body = body;
    stream(
      (chunk) => body.write(chunk),
      (chunk) => body.end(chunk),
    );
  });
  router.get('/hang', () => new Promise(() => {}));
  router.get('/half', (context) => {
    const body = new PassThrough();
    body.write('half');
    context.body = body;
  });
  app.use(router.routes()).use(router.allowedMethods());
  return { server: await listening(app.callback()), routes: true };
}

function text(body: string): Middleware {
  return (context) => {
    context.body = body;
  };
}
