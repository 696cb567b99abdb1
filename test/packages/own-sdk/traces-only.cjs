// An app whose SDK is for traces; it counts orders through the API, and asks a socket of its own.
require('./traces-sdk.cjs');
const { metrics, trace } = require('@opentelemetry/api');
const http = require('node:http');
const net = require('node:net');

const [, , socketPath] = process.argv;
const orders = metrics.getMeter('app').createCounter('orders');
net.createServer((socket) => socket.end()).listen(socketPath);
const server = http.createServer((_request, response) => {
  orders.add(1, { shop: process.env.OTEL_SERVICE_NAME });
  trace.getTracer('app').startActiveSpan('order', (span) => {
    net.connect(socketPath).once('close', () => {
      span.end();
      response.end('ordered');
    });
  });
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
