DROP INDEX IF EXISTS enterprise.idx_request_metrics_trace, enterprise.idx_llm_metrics_trace, enterprise.idx_rag_metrics_trace,
    enterprise.idx_ws_session_metrics_trace, enterprise.idx_spans_trace;
CREATE INDEX idx_request_metrics_trace ON enterprise.request_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX idx_llm_metrics_trace ON enterprise.llm_call_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX idx_rag_metrics_trace ON enterprise.rag_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX idx_ws_session_metrics_trace ON enterprise.ws_session_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX idx_spans_trace ON enterprise.spans (trace_id);
