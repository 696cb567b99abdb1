import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const users = new Hono().get('/users/:id', (context) => context.text('user'));
const app = new Hono().route('/orgs/:org', users);
const options = { fetch: app.fetch, port: 0, hostname: '127.0.0.1' };
const server = serve(options, ({ port }) => console.log(`port ${port}`));
process.once('SIGTERM', () => server.close());
