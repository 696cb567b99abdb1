-- Spans are gone with their table; events that were made of them stay.
DROP TABLE IF EXISTS enterprise.spans;
DROP INDEX IF EXISTS enterprise.idx_request_metrics_trace;
DROP INDEX IF EXISTS enterprise.idx_llm_metrics_trace;
DROP INDEX IF EXISTS enterprise.idx_rag_metrics_trace;
DROP INDEX IF EXISTS enterprise.idx_ws_session_metrics_trace;
DELETE FROM enterprise.rollup_minute WHERE signal = 'span';
DELETE FROM enterprise.rollup_hour WHERE signal = 'span';
DELETE FROM enterprise.rollup_day WHERE signal = 'span';
DELETE FROM enterprise.nervecenter_rollup_state WHERE signal = 'span';
DELETE FROM enterprise.nervecenter_rollup_pending WHERE signal = 'span';
