DROP TABLE IF EXISTS enterprise.nervecenter_alert_rules;
DROP TABLE IF EXISTS enterprise.nervecenter_alert_silences;
DROP TABLE IF EXISTS enterprise.nervecenter_alert_states;
DROP TABLE IF EXISTS enterprise.nervecenter_alert_events;
DROP TABLE IF EXISTS enterprise.nervecenter_alert_deliveries;
DROP TABLE IF EXISTS enterprise.nervecenter_alert_seat;
