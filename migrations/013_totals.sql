-- Totals that outlive their rows. Before hourly rollups past their retention go, what they add up to is kept in a bucket of
-- its own, '-infinity': a collector that starts can still tell everything there ever was.
ALTER TABLE enterprise.nervecenter_rollup_state
    ADD COLUMN IF NOT EXISTS folded_until TIMESTAMPTZ;  -- everything before it is in that bucket

-- Model calls are now rolled up by provider and model together as well, and estimated ones are counted: what has rows is
-- rolled up anew, by the collector and in steps. History reads the rows meanwhile.
UPDATE enterprise.nervecenter_rollup_state
SET minute_watermark = least(minute_watermark, first.hour), hour_watermark = least(hour_watermark, first.hour)
FROM (
    SELECT date_bin('1 hour', min(timestamp), 'epoch'::timestamptz) AS hour
    FROM enterprise.llm_call_metrics WHERE timestamp >= 'epoch'
) AS first
WHERE signal = 'llm-call' AND first.hour IS NOT NULL;
