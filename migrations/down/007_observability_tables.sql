-- The specification's rollback: its five tables go, with their rows. The schema stays, because others may live in it.
DROP TABLE IF EXISTS enterprise.request_metrics;
DROP TABLE IF EXISTS enterprise.system_metrics;
DROP TABLE IF EXISTS enterprise.llm_call_metrics;
DROP TABLE IF EXISTS enterprise.rag_metrics;
DROP TABLE IF EXISTS enterprise.cache_metrics;
