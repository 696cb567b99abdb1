// An SDK for traces alone, with OpenTelemetry's instrumentation of sockets. Each span that ends is a line.
const { context, trace } = require('@opentelemetry/api');
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks');
const { NetInstrumentation } = require('@opentelemetry/instrumentation-net');
const { TracerProvider } = require('@opentelemetry/sdk-trace');

const onEnd = ({ name }) => console.log(`span ${name}`);
const spanProcessors = [{ onStart: () => {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} }];
const provider = new TracerProvider({ spanProcessors });
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
new NetInstrumentation().setTracerProvider(provider);
