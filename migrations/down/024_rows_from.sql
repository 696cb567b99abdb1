SELECT pg_advisory_xact_lock(1919904876);
DROP INDEX IF EXISTS enterprise.rollup_value_value;
ALTER TABLE enterprise.nervecenter_rollup_state DROP COLUMN IF EXISTS rows_from;
