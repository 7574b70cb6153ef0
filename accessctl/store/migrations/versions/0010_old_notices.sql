-- Old notices are taken away: what they tell of stands in the audit log.
CREATE INDEX ix_notice_at ON notice (at);
GRANT DELETE ON notice, mail TO accessctl_app;
