/** How calls come to be seen: true whether an app runs already or none does. */
export const LLM_CALLS_SEEN =
  'Calls of an app that runs under the agent appear by themselves, on any host and with any client.';
export const AGENT_COMMAND = 'node --require nervecenter/otel app.js';
