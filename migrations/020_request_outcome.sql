-- What became of a request: 'unfinished' where its process ended before the response did (status_code is then what was sent,
-- 0 where nothing was). Null in every other row. Nullable, as all additions.
ALTER TABLE enterprise.request_metrics
    ADD COLUMN IF NOT EXISTS outcome VARCHAR(20);
