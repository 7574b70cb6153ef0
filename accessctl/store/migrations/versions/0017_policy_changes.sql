-- Changes of the access policy under four eyes, and which policy each office's database has applied (policy.md 5).
CREATE TABLE policy_change (
    id BIGSERIAL NOT NULL,
    state TEXT NOT NULL,
    version TEXT NOT NULL,
    base TEXT NOT NULL,
    files JSONB NOT NULL,
    before JSONB NOT NULL,
    reason TEXT NOT NULL,
    frozen BOOLEAN NOT NULL,
    proposed_by BIGINT NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by BIGINT,
    decided_at TIMESTAMP WITH TIME ZONE,
    decision TEXT,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_policy_change PRIMARY KEY (id),
    CONSTRAINT ck_policy_change_state CHECK (state IN ('WAITING', 'APPROVED', 'DECLINED', 'WITHDRAWN')),
    CONSTRAINT ck_policy_change_four_eyes CHECK (state <> 'APPROVED' OR decided_by <> proposed_by),
    CONSTRAINT ck_policy_change_decided CHECK ((state = 'WAITING') = (decided_at IS NULL)),
    CONSTRAINT fk_policy_change_proposed_by_officer FOREIGN KEY(proposed_by) REFERENCES officer (id),
    CONSTRAINT fk_policy_change_decided_by_officer FOREIGN KEY(decided_by) REFERENCES officer (id)
);
CREATE UNIQUE INDEX uq_policy_change_waiting ON policy_change (state) WHERE state = 'WAITING';
ALTER TABLE office ADD COLUMN policy_version TEXT;
ALTER TABLE office ADD COLUMN policy_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE office ADD COLUMN policy_trouble TEXT;
GRANT SELECT ON policy_change TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON policy_change TO accessctl_app;
GRANT USAGE ON SEQUENCE policy_change_id_seq TO accessctl_app;
