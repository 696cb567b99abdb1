import type { CounterSpec } from './signals/instruments.ts';

/**
 * Why something the agent followed was not followed to its end. `body_encoding`: an answer in an encoding that is not read.
 * `body_damaged`: it could not be inflated. `body_ahead`: it came faster than it could be inflated. `body_too_large`: it
 * inflates beyond 64 MiB. `body_costly`: reading on would have taken more than a tenth of a second of the app's time.
 * `exchanges_full`: more than 2,000 requests were open at once, and the oldest was closed.
 * `retries_forgotten`: more than 1,000 failed calls waited for their retry, which then counts as a first try.
 * `background_forgotten`: nobody asked for the outcome of a call that goes on in the background. `connections_full`: more than
 * 20,000 connections were open at once, and what is under way on the oldest when the process ends makes no row.
 * `queries_full`: the same of more than 1,000 open RAG queries. `instrumentation_off`: what observes
 * a library failed again and again, or could not start, and was turned off.
 */
export const GIVEN_UP_REASONS = [
  'body_encoding',
  'body_damaged',
  'body_ahead',
  'body_too_large',
  'body_costly',
  'exchanges_full',
  'retries_forgotten',
  'background_forgotten',
  'connections_full',
  'queries_full',
  'instrumentation_off',
] as const;
export type GivenUpReason = (typeof GIVEN_UP_REASONS)[number];

/** What reached a bound of the agent, or could not be read: rows lack something of it. */
export const GIVEN_UP: CounterSpec = {
  name: 'nervecenter.observations.given_up',
  kind: 'counter',
  unit: '{observation}',
  description: 'Requests and answers of the app that were not followed to their end, by reason.',
};
export const GIVEN_UP_REASON = 'reason';
