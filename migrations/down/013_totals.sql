-- Whoever does not know the bucket of what is gone must not take it for an hour.
DELETE FROM enterprise.rollup_hour WHERE bucket = '-infinity';
DELETE FROM enterprise.rollup_hour WHERE dimension = 'provider_model';
DELETE FROM enterprise.rollup_minute WHERE dimension = 'provider_model';
ALTER TABLE enterprise.nervecenter_rollup_state DROP COLUMN IF EXISTS folded_until;
