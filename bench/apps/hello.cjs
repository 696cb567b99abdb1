const { serve } = require('./serve.cjs');

serve((_request, response) => response.end('hello'));
