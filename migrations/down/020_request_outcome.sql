ALTER TABLE enterprise.request_metrics
    DROP COLUMN IF EXISTS outcome;
