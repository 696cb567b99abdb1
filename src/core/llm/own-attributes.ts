/**
 * What a call's span says under names of our own, because the conventions have none: the exporter writes them, and another
 * nervecenter reads them back.
 */
export const OWN_CALL_ATTRIBUTES = {
  usageSource: 'nervecenter.llm.usage_source',
  /** Present where the provider's count is no sum of its parts. */
  usageMismatch: 'nervecenter.llm.usage_mismatch',
  attempt: 'nervecenter.llm.attempt',
  /** Why a call that was aborted was: `error.type` says only that it was. */
  abortReason: 'nervecenter.llm.abort_reason',
  queryCategory: 'nervecenter.query.category',
  errorMessage: 'nervecenter.llm.error_message',
  serviceTier: 'nervecenter.llm.service_tier',
  /** USD, from whatever source. */
  cost: 'nervecenter.llm.cost',
  /** USD, where the provider or the app itself says it. */
  reportedCost: 'nervecenter.llm.reported_cost',
  /** Seconds. */
  chunkGapP95: 'nervecenter.llm.chunk_gap_p95',
  /** Seconds from the answer on. */
  rateLimitReset: 'nervecenter.llm.rate_limit_reset',
  /** Of the tokens written to the cache, those that stay for an hour. */
  cacheWrite1h: 'nervecenter.llm.cache_write_1h.input_tokens',
  searches: 'nervecenter.llm.billed.searches',
  images: 'nervecenter.llm.billed.images',
  /** Seconds. */
  audio: 'nervecenter.llm.billed.audio',
} as const;
