-- Totals of rows that are gone do not come back: those of the version before begin with the oldest rollup.
DROP TABLE IF EXISTS enterprise.nervecenter_window;
DROP TABLE IF EXISTS enterprise.nervecenter_senders;
DROP TABLE IF EXISTS enterprise.totals;

-- That version reads totals of model calls from rollups by provider and model together, and makes them anew from the rows.
UPDATE enterprise.nervecenter_rollup_state
SET minute_watermark = least(minute_watermark, first.hour), hour_watermark = least(hour_watermark, first.hour)
FROM (
    SELECT date_bin('1 hour', min(timestamp), 'epoch'::timestamptz) AS hour
    FROM enterprise.llm_call_metrics WHERE timestamp >= 'epoch'
) AS first
WHERE signal = 'llm-call' AND first.hour IS NOT NULL;
