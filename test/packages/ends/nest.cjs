// A NestJS application whose shutdown hooks raise the signal again once it is closed.
require('reflect-metadata');
const http = require('node:http');
const { Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');

const server = http.createServer((_request, response) => response.end('served'));

class App {
  async onApplicationShutdown(signal) {
    console.log('told', signal);
    await new Promise((resolve) => server.close(resolve));
  }
}
Module({})(App);

async function main() {
  const app = await NestFactory.createApplicationContext(App, { logger: false });
  app.enableShutdownHooks();
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}\narmed`));
}
main();
