-- What a model call knows beyond 009. The token buckets make a stored call priceable anew. Nullable, as all additions.
ALTER TABLE enterprise.llm_call_metrics
    ADD COLUMN IF NOT EXISTS cache_write_1h_tokens INTEGER,  -- part of cache_write_tokens
    ADD COLUMN IF NOT EXISTS audio_in_tokens INTEGER,        -- this and the next: part of prompt_tokens
    ADD COLUMN IF NOT EXISTS image_in_tokens INTEGER,
    ADD COLUMN IF NOT EXISTS audio_out_tokens INTEGER,       -- this and the next: part of completion_tokens
    ADD COLUMN IF NOT EXISTS image_out_tokens INTEGER,
    ADD COLUMN IF NOT EXISTS operation VARCHAR(30),          -- 'chat', 'embeddings', 'rerank', …
    ADD COLUMN IF NOT EXISTS response_model VARCHAR(100),
    ADD COLUMN IF NOT EXISTS server_address VARCHAR(255),
    ADD COLUMN IF NOT EXISTS streaming BOOLEAN,
    ADD COLUMN IF NOT EXISTS status_code INTEGER,
    ADD COLUMN IF NOT EXISTS attempt INTEGER,                -- 0 the first try, 1 the first retry
    ADD COLUMN IF NOT EXISTS error_type VARCHAR(100),
    ADD COLUMN IF NOT EXISTS rate_limit_reset_ms FLOAT,
    ADD COLUMN IF NOT EXISTS finish_reason VARCHAR(50),
    ADD COLUMN IF NOT EXISTS chunk_gap_p95_ms FLOAT,
    ADD COLUMN IF NOT EXISTS tokens_per_second FLOAT,
    ADD COLUMN IF NOT EXISTS usage_mismatch BOOLEAN,
    ADD COLUMN IF NOT EXISTS service_tier VARCHAR(30),
    ADD COLUMN IF NOT EXISTS billed_units JSONB,             -- what is billed besides tokens, such as searches
    ADD COLUMN IF NOT EXISTS cache_savings_usd NUMERIC,
    ADD COLUMN IF NOT EXISTS cost_exact_usd NUMERIC;         -- where cost_usd cannot hold the cost: its six decimals round an
                                                             -- embedding of twenty tokens to nothing

-- Costs and savings are now added up exactly: what has rows is rolled up anew, as by 013.
UPDATE enterprise.nervecenter_rollup_state
SET minute_watermark = least(minute_watermark, first.hour), hour_watermark = least(hour_watermark, first.hour)
FROM (
    SELECT date_bin('1 hour', min(timestamp), 'epoch'::timestamptz) AS hour
    FROM enterprise.llm_call_metrics WHERE timestamp >= 'epoch'
) AS first
WHERE signal = 'llm-call' AND first.hour IS NOT NULL;
