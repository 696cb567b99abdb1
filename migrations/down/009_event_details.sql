ALTER TABLE enterprise.llm_call_metrics
    DROP COLUMN IF EXISTS cached_tokens,
    DROP COLUMN IF EXISTS cache_write_tokens,
    DROP COLUMN IF EXISTS reasoning_tokens,
    DROP COLUMN IF EXISTS usage_source,
    DROP COLUMN IF EXISTS cost_source,
    DROP COLUMN IF EXISTS price_version,
    DROP COLUMN IF EXISTS outcome;

ALTER TABLE enterprise.rag_metrics
    DROP COLUMN IF EXISTS outcome,
    DROP COLUMN IF EXISTS error_type,
    DROP COLUMN IF EXISTS stages;
