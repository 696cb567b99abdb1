import { type App, listening, setUser, stream, tick } from './contract.ts';

const encoder = new TextEncoder();

export async function honoApp(): Promise<App> {
  const { Hono } = await import('hono');
  const { getRequestListener } = await import('@hono/node-server');
  const app = new Hono();
  app.onError((_error, context) => context.text('failed', 500));
  app.use(async (_context, next) => next());
  app.get('/', (context) => context.text('root'));
  app.get('/users/:id', (context) => context.text('user'));
  app.get('/who/:id', async (context) => {
    await tick();
    setUser(context.req.param('id'));
    return context.text('who');
  });
  app.post('/users/:id', async (context) => {
    await context.req.json();
    setUser(context.req.param('id'));
    return context.text('ok');
  });
  const orgs = new Hono();
  orgs.onError((_error, context) => context.text('failed in orgs', 500));
  orgs.get('/users/:id', (context) => context.text('user of org'));
  orgs.all('/fail', () => {
    throw new Error('fails on purpose');
  });
  app.route('/orgs/:org', orgs);
  app.get('/stream', () => streamed(true));
  app.get('/hang', () => new Promise<Response>(() => {}));
  app.get('/half', () => streamed(false));
  return { server: await listening(getRequestListener(app.fetch)), routes: true };
}

function streamed(ends: boolean): Response {
  const body = new ReadableStream({
    start(controller) {
      const write = (chunk: string) => controller.enqueue(encoder.encode(chunk));
      if (!ends) return write('half');
      stream(write, (chunk) => {
        write(chunk);
        controller.close();
      });
    },
  });
  return new Response(body);
}
