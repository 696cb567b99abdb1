import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { type App, setUser, stream, tick } from './contract.ts';

interface Params {
  Params: { id: string };
}

export async function fastifyApp(): Promise<App> {
  const { fastify } = await import('fastify');
  const app = fastify();
  app.get('/', async () => 'root');
  app.get('/users/:id', async () => 'user');
  app.get<Params>('/who/:id', async (request) => {
    await tick();
    setUser(request.params.id);
    return 'who';
  });
  app.post<Params>('/users/:id', async (request) => {
    setUser(request.params.id);
    return request.body;
  });
  app.register(orgs, { prefix: '/orgs/:org' });
  app.get('/stream', (_request, reply) => {
    reply.hijack();
    stream(
      (chunk) => reply.raw.write(chunk),
      (chunk) => reply.raw.end(chunk),
    );
  });
  app.get('/hang', () => {});
  app.get('/half', (_request, reply) => {
    reply.hijack();
    reply.raw.write('half');
  });
  await app.ready();
  app.server.listen(0, '127.0.0.1');
  await once(app.server, 'listening');
  return { server: app.server, routes: true };
}

async function orgs(app: FastifyInstance): Promise<void> {
  app.get('/users/:id', async () => 'user of org');
  app.get('/fail', async () => {
    throw new Error('fails on purpose');
  });
}
