-- One row per closed WebSocket session.
CREATE TABLE IF NOT EXISTS enterprise.ws_session_metrics (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(),  -- when the session closed
    path VARCHAR(255) NOT NULL,
    duration_ms FLOAT NOT NULL,
    messages_in INTEGER,
    messages_out INTEGER,
    bytes_in BIGINT,
    bytes_out BIGINT,
    close_code INTEGER,
    user_email VARCHAR(255),
    department VARCHAR(50),
    trace_id VARCHAR(32)
);

CREATE INDEX IF NOT EXISTS idx_ws_session_metrics_ts ON enterprise.ws_session_metrics(timestamp DESC);
