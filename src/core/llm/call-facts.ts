import { allOf, anyOf, equals, isPresent, isWordOf, not } from '../signals/facts.ts';
import { RATE_LIMIT_ERRORS, TOO_MANY_REQUESTS } from './rate-limit.ts';

/** Writers that know no outcome have `success` only. A call the app gave up did not fail. */
const ANSWERED = anyOf(equals('outcome', 'ok'), allOf(not(isPresent('outcome')), equals('success', true)));
export const FAILED = anyOf(
  equals('outcome', 'error'),
  allOf(not(isPresent('outcome')), not(equals('success', true))),
);
/**
 * Whether a call was billed as far as anyone can tell: it says for how much, or it was answered. One that failed or was
 * given up without either was not, and counts neither as priced nor as unpriced.
 */
export const BILLED = anyOf(ANSWERED, isPresent('total_tokens'), isPresent('billed_units'));
export const UNPRICED = allOf(not(isPresent('cost_usd')), not(isPresent('cost_exact_usd')), BILLED);
export const ESTIMATED = equals('usage_source', 'estimated');
/** A call refused because there were too many, by its status or by the provider's word for its failure. */
export const RATE_LIMITED = anyOf(
  equals('status_code', TOO_MANY_REQUESTS),
  isWordOf('error_type', RATE_LIMIT_ERRORS),
);
