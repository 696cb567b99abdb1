-- Days, so that a month of many groups is some hundred rows to read: 30 days of 20 endpoints are 14,400 hours, and with their
-- histograms 5 MB. Days are UTC's; those of another zone are still put together from hours.
CREATE TABLE IF NOT EXISTS enterprise.rollup_day (LIKE enterprise.rollup_minute INCLUDING ALL);

-- Null where days have not been begun yet.
ALTER TABLE enterprise.nervecenter_rollup_state
    ADD COLUMN IF NOT EXISTS day_watermark TIMESTAMPTZ;

-- Days are made as the rollups go on, and hours are now rolled up by user as well: what has rows is rolled up anew, by the
-- collector and in steps. History reads the rows meanwhile.
UPDATE enterprise.nervecenter_rollup_state AS state
SET minute_watermark = least(minute_watermark, hour), hour_watermark = least(hour_watermark, hour)
FROM (
    SELECT 'request' AS signal, date_bin('1 hour', min(timestamp), 'epoch'::timestamptz) AS hour
    FROM enterprise.request_metrics WHERE timestamp >= 'epoch'
    UNION ALL SELECT 'llm-call', date_bin('1 hour', min(timestamp), 'epoch'::timestamptz)
    FROM enterprise.llm_call_metrics WHERE timestamp >= 'epoch'
    UNION ALL SELECT 'rag-query', date_bin('1 hour', min(timestamp), 'epoch'::timestamptz)
    FROM enterprise.rag_metrics WHERE timestamp >= 'epoch'
    UNION ALL SELECT 'cache', date_bin('1 hour', min(timestamp), 'epoch'::timestamptz)
    FROM enterprise.cache_metrics WHERE timestamp >= 'epoch'
    UNION ALL SELECT 'system', date_bin('1 hour', min(timestamp), 'epoch'::timestamptz)
    FROM enterprise.system_metrics WHERE timestamp >= 'epoch'
    UNION ALL SELECT 'ws-session', date_bin('1 hour', min(timestamp), 'epoch'::timestamptz)
    FROM enterprise.ws_session_metrics WHERE timestamp >= 'epoch'
) AS first
WHERE state.signal = first.signal AND hour IS NOT NULL;
