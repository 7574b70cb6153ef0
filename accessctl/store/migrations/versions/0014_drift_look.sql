-- What the last comparison of an office's rights with the policy found, and the last repair (policy.md §4).
CREATE TABLE drift_look (
    office TEXT NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE,
    code TEXT,
    found JSONB NOT NULL,
    repaired_at TIMESTAMP WITH TIME ZONE,
    repaired_by TEXT,
    repaired BIGINT,
    remaining BIGINT,
    CONSTRAINT pk_drift_look PRIMARY KEY (office),
    CONSTRAINT fk_drift_look_office_office FOREIGN KEY(office) REFERENCES office (code)
);
GRANT SELECT ON drift_look TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON drift_look TO accessctl_app;
