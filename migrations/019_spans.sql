-- Spans that came by OTLP and are kept, for looking at one trace. Partitioned by day like the tables of rows (010); a day
-- that takes too much is divided, so that the oldest part of it can go.
CREATE TABLE IF NOT EXISTS enterprise.spans (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(),  -- when it ended
    trace_id VARCHAR(32) NOT NULL,
    span_id VARCHAR(16) NOT NULL,
    parent_span_id VARCHAR(16),
    name VARCHAR(255) NOT NULL,
    kind VARCHAR(20) NOT NULL,                     -- 'internal', 'server', 'client', 'producer', 'consumer', 'unspecified'
    duration_ms FLOAT NOT NULL,
    status VARCHAR(10) NOT NULL,                   -- 'unset', 'ok', 'error'
    error_type VARCHAR(100),
    scope VARCHAR(255),                            -- the instrumentation that made it
    attributes JSONB,
    events JSONB,                                  -- a list of [name, milliseconds after the start, attributes]
    service VARCHAR(255),
    instance_id UUID,
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE INDEX IF NOT EXISTS idx_spans_ts ON enterprise.spans (timestamp DESC);

-- A trace is looked for by its id alone, over days and tables. Rows without one are in no index: who traces nothing pays
-- nothing. A million traced rows take about a second, during which rows wait.
CREATE INDEX IF NOT EXISTS idx_spans_trace ON enterprise.spans (trace_id);
CREATE INDEX IF NOT EXISTS idx_request_metrics_trace ON enterprise.request_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_llm_metrics_trace ON enterprise.llm_call_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_rag_metrics_trace ON enterprise.rag_metrics (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_ws_session_metrics_trace ON enterprise.ws_session_metrics (trace_id) WHERE trace_id IS NOT NULL;

DO $migration$
DECLARE
    days_ahead CONSTANT INTEGER := 3;
    today CONSTANT TIMESTAMP := date_trunc('day', now() AT TIME ZONE 'UTC');
    day TIMESTAMP;
BEGIN
    CREATE TABLE IF NOT EXISTS enterprise.spans_default PARTITION OF enterprise.spans DEFAULT;
    FOR day IN SELECT generate_series(today, today + make_interval(days => days_ahead), INTERVAL '1 day') LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS enterprise.%I PARTITION OF enterprise.spans FOR VALUES FROM (%L) TO (%L)',
            'spans' || to_char(day, '"_p"YYYYMMDD'), day || '+00', (day + INTERVAL '1 day') || '+00');
    END LOOP;
END
$migration$;
