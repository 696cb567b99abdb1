// An app with an OpenTelemetry SDK of its own, as CommonJS.
const { tell } = require('./app.ts');

tell((name) => require(name), process.argv[2]);
