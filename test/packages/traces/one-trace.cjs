// A server that asks a model in every request, traced by the SDK that its argument names. It answers with the SDK's trace.
const nothing = async () => {};
const SDKS = {
  '@opentelemetry/sdk-node': () => {
    const { trace } = require('@opentelemetry/api');
    const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
    const { NodeSDK } = require('@opentelemetry/sdk-node');
    const spanProcessors = [{ onStart() {}, onEnd() {}, forceFlush: nothing, shutdown: nothing }];
    const instrumentations = [new HttpInstrumentation()];
    new NodeSDK({ instrumentations, spanProcessors, metricReaders: [], logRecordProcessors: [] }).start();
    return () => trace.getActiveSpan();
  },
  '@sentry/node': () => {
    const Sentry = require('@sentry/node');
    // Its server is the model's: it takes whatever it is sent.
    const dsn = `${process.env.MODEL_URL.replace('//', '//key@')}/1`;
    Sentry.init({ dsn, tracesSampleRate: 1 });
    return () => Sentry.getActiveSpan();
  },
};
const activeSpan = SDKS[process.argv[2]]();

const http = require('node:http');
const server = http.createServer(async (_request, response) => {
  const { traceId } = activeSpan().spanContext();
  const answer = await fetch(`${process.env.MODEL_URL}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'a' }] }),
  });
  await answer.text();
  response.end(traceId);
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
