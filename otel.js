// `node --require ./otel app.js` from a checkout; an installed package is loaded as `nervecenter/otel`.
import './dist/otel.js';
