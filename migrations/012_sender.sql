-- Which process a row comes from. Null in rows of before and of other writers. `system_metrics` has it in its tags, because
-- the host's rows come from no process.
ALTER TABLE enterprise.request_metrics
    ADD COLUMN IF NOT EXISTS service VARCHAR(255),
    ADD COLUMN IF NOT EXISTS instance_id UUID;

ALTER TABLE enterprise.llm_call_metrics
    ADD COLUMN IF NOT EXISTS service VARCHAR(255),
    ADD COLUMN IF NOT EXISTS instance_id UUID;

ALTER TABLE enterprise.rag_metrics
    ADD COLUMN IF NOT EXISTS service VARCHAR(255),
    ADD COLUMN IF NOT EXISTS instance_id UUID;

ALTER TABLE enterprise.cache_metrics
    ADD COLUMN IF NOT EXISTS service VARCHAR(255),
    ADD COLUMN IF NOT EXISTS instance_id UUID;

ALTER TABLE enterprise.ws_session_metrics
    ADD COLUMN IF NOT EXISTS service VARCHAR(255),
    ADD COLUMN IF NOT EXISTS instance_id UUID;
