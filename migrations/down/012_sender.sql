ALTER TABLE enterprise.request_metrics DROP COLUMN IF EXISTS service, DROP COLUMN IF EXISTS instance_id;
ALTER TABLE enterprise.llm_call_metrics DROP COLUMN IF EXISTS service, DROP COLUMN IF EXISTS instance_id;
ALTER TABLE enterprise.rag_metrics DROP COLUMN IF EXISTS service, DROP COLUMN IF EXISTS instance_id;
ALTER TABLE enterprise.cache_metrics DROP COLUMN IF EXISTS service, DROP COLUMN IF EXISTS instance_id;
ALTER TABLE enterprise.ws_session_metrics DROP COLUMN IF EXISTS service, DROP COLUMN IF EXISTS instance_id;
