import Fastify from 'fastify';

const app = Fastify();
app.get('/orgs/:org/users/:id', async () => 'user');
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`port ${app.server.address().port}`);
process.once('SIGTERM', () => app.close());
