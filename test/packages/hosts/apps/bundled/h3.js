import { createServer } from 'node:http';
import { createApp, createRouter, eventHandler, toNodeListener } from 'h3';

const router = createRouter()
  .get(
    '/orgs/:org/users/:id',
    eventHandler(() => 'user'),
  )
  .get(
    '/docs/**:parts',
    eventHandler(() => 'docs'),
  );
const server = createServer(toNodeListener(createApp().use(router)));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.once('SIGTERM', () => server.close());
