// OpenTelemetry's SDK with nothing instrumented.
const { NodeSDK } = require('@opentelemetry/sdk-node');

new NodeSDK().start();
