import express from 'express';

const users = express.Router().get('/users/:id', (_request, response) => response.send('user'));
const server = express()
  .use('/orgs/:org', users)
  .listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.once('SIGTERM', () => server.close());
