// OpenLLMetry's instrumentation of the openai package as its users load it, exported by OTLP to wherever the environment says.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { OpenAIInstrumentation } = require('@traceloop/instrumentation-openai');

new NodeSDK({ instrumentations: [new OpenAIInstrumentation()] }).start();
