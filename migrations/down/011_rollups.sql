-- Rollups can always be made again from the rows.
DROP TABLE IF EXISTS enterprise.rollup_minute;
DROP TABLE IF EXISTS enterprise.rollup_hour;
DROP TABLE IF EXISTS enterprise.nervecenter_rollup_state;
DROP TABLE IF EXISTS enterprise.nervecenter_rollup_pending;
