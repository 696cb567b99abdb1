// An app with an OpenTelemetry SDK of its own, as an ES module.
import { tell } from './app.ts';

await tell((name) => import(name), process.argv[2]);
