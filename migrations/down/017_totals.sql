DROP TABLE IF EXISTS enterprise.nervecenter_window;
DROP TABLE IF EXISTS enterprise.nervecenter_senders;
DROP TABLE IF EXISTS enterprise.totals;
