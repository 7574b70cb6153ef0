-- The director's dated waivers from two rules of custody (S13), and the assignments that rest on them.
CREATE TABLE waiver (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT,
    officer_id BIGINT NOT NULL,
    opens TIMESTAMP WITH TIME ZONE NOT NULL,
    closes TIMESTAMP WITH TIME ZONE NOT NULL,
    decision_no TEXT NOT NULL,
    reason TEXT NOT NULL,
    granted_by BIGINT NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by BIGINT,
    end_reason TEXT,
    CONSTRAINT pk_waiver PRIMARY KEY (id),
    CONSTRAINT ck_waiver_forward CHECK (opens < closes),
    CONSTRAINT ck_waiver_self_is_of_one_kind CHECK ((rule = 'self') = (kind IS NOT NULL)),
    CONSTRAINT fk_waiver_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_waiver_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_waiver_granted_by_officer FOREIGN KEY(granted_by) REFERENCES officer (id),
    CONSTRAINT fk_waiver_ended_by_officer FOREIGN KEY(ended_by) REFERENCES officer (id)
);
CREATE INDEX ix_waiver_officer_id ON waiver (officer_id);
ALTER TABLE custody ADD COLUMN waivers BIGINT[];
GRANT SELECT ON waiver TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON waiver TO accessctl_app;
GRANT USAGE ON SEQUENCE waiver_id_seq TO accessctl_app;

-- The list of leases, newest request first.
CREATE INDEX ix_lease_requested_at ON lease (requested_at);
