DROP TABLE IF EXISTS enterprise.ws_session_metrics;
