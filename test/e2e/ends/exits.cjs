// A server that comes to its end in the way its argument names, once it is told to by a line on standard input.
const cluster = require('node:cluster');
const http = require('node:http');
const { Worker } = require('node:worker_threads');

const say = (...words) => console.log('told', ...words);
/** The parent may send its signal now. */
const armed = () => console.log('armed');
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const WAYS = {
  'natural end': (server) => server.close(),
  'process.exit': () => process.exit(3),
  'process.exitCode': (server) => {
    process.exitCode = 4;
    server.close();
  },
  'a code set by a listener of exit': (server) => {
    process.on('exit', () => {
      process.exitCode = 8;
    });
    server.close();
  },
  'a listener of beforeExit that goes on once': (server) => {
    process.once('beforeExit', () => setTimeout(() => say('went on'), 10));
    server.close();
  },
  'an uncaught exception': () =>
    setTimeout(() => {
      throw new Error('on purpose');
    }),
  'an exception in a listener of exit': (server) => {
    process.on('exit', () => {
      throw new Error('on purpose');
    });
    server.close();
  },
  'an uncaught exception that is handled': () => {
    process.on('uncaughtException', (error) => {
      say(error.message);
      process.exit(9);
    });
    setTimeout(() => {
      throw new Error('handled');
    });
  },
  'an unhandled rejection': () => void Promise.reject(new Error('on purpose')),
  'process.abort': () => process.abort(),
  'no handler': armed,
  'a handler that exits': () => {
    process.on('SIGTERM', () => process.exit(5));
    armed();
  },
  'a handler that closes the server': (server) => {
    process.on('SIGTERM', () => server.close());
    armed();
  },
  'a handler that exits later': () => {
    process.on('SIGTERM', async () => {
      await later(30);
      process.exit(6);
    });
    armed();
  },
  'a handler that ignores it': (server) => {
    process.on('SIGTERM', (signal) => {
      say(signal, process.listenerCount('SIGTERM'));
      setTimeout(() => server.close(), 30);
    });
    armed();
  },
  'a once handler that exits later': () => {
    process.once('SIGTERM', () => setTimeout(() => process.exit(7), 30));
    armed();
  },
  'a once handler that closes the server': (server) => {
    process.once('SIGTERM', () => server.close());
    armed();
  },
  'a handler that removes itself and raises the signal again': (server) => {
    const handler = async (signal) => {
      await new Promise((resolve) => server.close(resolve));
      process.removeListener(signal, handler);
      process.kill(process.pid, signal);
    };
    process.on('SIGTERM', handler);
    armed();
  },
  'a once handler that raises the signal again later': (server) => {
    process.once('SIGTERM', async (signal) => {
      await new Promise((resolve) => server.close(resolve));
      await later(30);
      process.kill(process.pid, signal);
    });
    armed();
  },
  'raised by its number': (server) => server.close(() => process.kill(process.pid, 1)),
  'raised by default, to the own group': (server) => server.close(() => process.kill(0)),
  'raised by an imported kill': async (server) => {
    const { kill } = await import('node:process');
    server.close(() => kill(process.pid, 'SIGINT'));
  },
  'a signal that only asks': (server) => {
    say(process.kill(process.pid, 0));
    server.close();
  },
  'a signal that is none': (server) => {
    try {
      process.kill(process.pid, 'SIGNOTHING');
    } catch (error) {
      say(error.code);
    }
    server.close();
  },
  'a worker of a cluster that is disconnected': (server) =>
    ofCluster(server, (worker) => worker.once('listening', () => worker.disconnect())),
  // Only once it listens: whoever ends while the primary answers its listen makes the primary fail with EPIPE.
  'a worker of a cluster that ends first': (server) =>
    ofCluster(server, (worker) => worker.once('listening', () => worker.send('exit'))),
  'a worker of a cluster that is killed': (server) =>
    ofCluster(server, (worker) => worker.once('listening', () => worker.process.kill('SIGTERM'))),
  'a cluster whose primary ends first': (server) =>
    ofCluster(server, (worker) => worker.once('listening', () => process.exit(2))),
  'process.exit in a worker thread': (server) => ofThread(server, 'process.exit(5)'),
  'an uncaught exception in a worker thread': () =>
    new Worker("throw new Error('in the thread')", { eval: true }),
  'a worker thread that is still there': () => {
    new Worker('setInterval(() => {}, 1000)', { eval: true }).once('online', () => process.exit(1));
  },
  'a test that fails': (server) => {
    require('node:test').test('fails', () => {
      throw new Error('on purpose');
    });
    server.close();
  },
};

function ofCluster(server, act) {
  server.close();
  const worker = cluster.fork();
  worker.on('exit', (code, signal) => say('worker', code, signal));
  act(worker);
}

function ofThread(server, code) {
  server.close();
  new Worker(code, { eval: true }).on('exit', (exit) => say('thread', exit));
}

const server = http
  .createServer((_request, response) => response.end('served'))
  .listen(0, '127.0.0.1', () => {
    console.log(`port ${server.address().port}`);
  });
if (cluster.isPrimary) {
  process.stdin.once('data', () => {
    process.stdin.destroy();
    WAYS[process.argv[2]](server);
  });
} else {
  process.once('message', () => process.exit(3));
}
