-- For a while migration 021 made these as well: a database that went through it then has them.
-- "roll": a step of another collector that is under way ends first.
SELECT pg_advisory_xact_lock(1919904876);

-- From when on rows are all there: rollups of older ones are not made anew.
ALTER TABLE enterprise.nervecenter_rollup_state ADD COLUMN IF NOT EXISTS rows_from TIMESTAMPTZ;
-- Of two dimensions a question may name the first alone.
CREATE INDEX IF NOT EXISTS rollup_value_value ON enterprise.rollup_value (value);
