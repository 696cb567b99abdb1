// Libraries behave otherwise where a test runner says it is there (Express does not log): here nothing does, as in an app.
for (const name of ['NODE_ENV', 'TEST', 'VITEST']) delete process.env[name];
