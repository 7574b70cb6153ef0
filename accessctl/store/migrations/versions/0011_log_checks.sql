-- Checks of every event of the log: asked for by an auditor, or done by the worker once a day. The outcome is in the log
-- itself (audit.verified); here stands how far a check has come, and what it found.
CREATE TABLE audit_check (
    id BIGSERIAL NOT NULL,
    asked_by BIGINT,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    beat_at TIMESTAMP WITH TIME ZONE,
    size BIGINT,
    done BIGINT NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    sound BOOLEAN,
    root TEXT,
    bad_from BIGINT,
    bad_to BIGINT,
    CONSTRAINT pk_audit_check PRIMARY KEY (id),
    CONSTRAINT fk_audit_check_asked_by_officer FOREIGN KEY(asked_by) REFERENCES officer (id)
);
CREATE INDEX ix_audit_check_waiting ON audit_check (id) WHERE finished_at IS NULL;
GRANT SELECT ON audit_check TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON audit_check TO accessctl_app;
GRANT USAGE ON SEQUENCE audit_check_id_seq TO accessctl_app;
