import { type App, listening, setUser, stream, tick } from './contract.ts';

export async function plainApp(): Promise<App> {
  const server = await listening((request, response) => {
    const [path = '/', last = ''] = [request.url, request.url?.split('/').at(-1)];
    if (path === '/hang') return;
    if (path === '/half') {
      response.write('half');
    } else if (path === '/stream') {
      stream(
        (chunk) => response.write(chunk),
        (chunk) => response.end(chunk),
      );
    } else if (path.startsWith('/who/')) {
      void tick().then(() => {
        setUser(last);
        response.end('ok');
      });
    } else if (request.method === 'POST') {
      // On purpose in the oldest way: the callbacks of an emitter keep no context of their own.
      request.resume().on('end', () => {
        setUser(last);
        response.end('ok');
      });
    } else {
      response.statusCode = path.endsWith('/fail') ? 500 : path.includes('nothing') ? 404 : 200;
      response.end('ok');
    }
  });
  return { server, routes: false };
}
