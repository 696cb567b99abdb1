// OpenTelemetry's own instrumentation of the openai package, exported by OTLP to wherever the environment says.
const { OpenAIInstrumentation } = require('@opentelemetry/instrumentation-openai');
const { NodeSDK } = require('@opentelemetry/sdk-node');

new NodeSDK({ instrumentations: [new OpenAIInstrumentation()] }).start();
