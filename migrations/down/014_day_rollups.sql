-- Days and users can always be made again from the rows.
DROP TABLE IF EXISTS enterprise.rollup_day;
DELETE FROM enterprise.rollup_hour WHERE dimension = 'user';
ALTER TABLE enterprise.nervecenter_rollup_state DROP COLUMN IF EXISTS day_watermark;
