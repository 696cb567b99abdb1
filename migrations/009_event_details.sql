-- What an event knows beyond the columns of 007. Nullable, so that rows written by anybody else stay valid.
ALTER TABLE enterprise.llm_call_metrics
    ADD COLUMN IF NOT EXISTS cached_tokens INTEGER,
    ADD COLUMN IF NOT EXISTS cache_write_tokens INTEGER,
    ADD COLUMN IF NOT EXISTS reasoning_tokens INTEGER,
    ADD COLUMN IF NOT EXISTS usage_source VARCHAR(20),   -- 'provider', 'estimated', 'none'
    ADD COLUMN IF NOT EXISTS cost_source VARCHAR(20),    -- 'provider', 'override', 'table', 'none'
    ADD COLUMN IF NOT EXISTS price_version VARCHAR(50),
    ADD COLUMN IF NOT EXISTS outcome VARCHAR(10);        -- 'ok', 'error', 'aborted'

ALTER TABLE enterprise.rag_metrics
    ADD COLUMN IF NOT EXISTS outcome VARCHAR(10),        -- 'ok', 'error'
    ADD COLUMN IF NOT EXISTS error_type VARCHAR(100),
    ADD COLUMN IF NOT EXISTS stages JSONB;               -- milliseconds by stage name
