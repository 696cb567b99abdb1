// The timing middleware that prom-client's users write, with the labels our own request metric has.
const { Histogram } = require('prom-client');
const { serve } = require('./serve.cjs');

const duration = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of HTTP server requests.',
  labelNames: ['method', 'route', 'status'],
});

serve((request, response) => {
  const end = duration.startTimer();
  response.on('finish', () => end({ method: request.method, route: '/', status: response.statusCode }));
  response.end('hello');
});
