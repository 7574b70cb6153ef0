-- People and offices: proposed roles, transfers, revisions.
-- What a search and a list of people go by, always the same as the name whoever writes it (domain/text.py does it alike).
CREATE FUNCTION folded(words TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(regexp_replace(normalize(translate(words, 'đĐ', 'dd'), NFD) COLLATE "C", '[\u0300-\u036f]', '', 'g'));
CREATE FUNCTION by_given_name(full_name TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN folded(regexp_replace(full_name COLLATE "C", '^.* ', '')) || E'\t'
        || folded(regexp_replace(full_name COLLATE "C", ' ?[^ ]*$', '')) || E'\t' || full_name;
REVOKE EXECUTE ON FUNCTION folded(TEXT), by_given_name(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION folded(TEXT), by_given_name(TEXT) TO accessctl_app;

ALTER TABLE officer
    ADD COLUMN version BIGINT DEFAULT 1 NOT NULL,
    ADD COLUMN search_name TEXT COLLATE "C" GENERATED ALWAYS AS (folded(full_name || ' ' || username)) STORED,
    ADD COLUMN sort_name TEXT COLLATE "C" GENERATED ALWAYS AS (by_given_name(full_name)) STORED;
CREATE INDEX ix_officer_sort_name ON officer (sort_name);

-- Where somebody served, and when: history keeps the old office (S11).
CREATE TABLE posting (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    office_code TEXT NOT NULL,
    department TEXT NOT NULL,
    title TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    decision_no TEXT,
    entered_by BIGINT,
    CONSTRAINT pk_posting PRIMARY KEY (id),
    CONSTRAINT fk_posting_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_posting_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_posting_entered_by_officer FOREIGN KEY(entered_by) REFERENCES officer (id)
);
CREATE UNIQUE INDEX uq_posting_now ON posting (officer_id) WHERE until IS NULL;
CREATE INDEX ix_posting_officer_id ON posting (officer_id, since);
INSERT INTO posting (officer_id, office_code, department, title, since, until)
    SELECT o.id, o.office_code, o.department, o.title,
           coalesce((SELECT min(r.granted_at) FROM officer_role r WHERE r.officer_id = o.id), clock_timestamp()),
           o.left_at
      FROM officer o;

-- A role on its way: the unit head's word, IT's entry, the director's approval; in force when all that it needs are there.
CREATE TABLE role_proposal (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    office_code TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_by BIGINT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    proposed_by BIGINT,
    proposed_at TIMESTAMP WITH TIME ZONE,
    entered_by BIGINT,
    entered_at TIMESTAMP WITH TIME ZONE,
    approved_by BIGINT,
    approved_at TIMESTAMP WITH TIME ZONE,
    closed_by BIGINT,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_why TEXT,
    CONSTRAINT pk_role_proposal PRIMARY KEY (id),
    CONSTRAINT fk_role_proposal_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_role_proposal_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_role_proposal_opened_by_officer FOREIGN KEY(opened_by) REFERENCES officer (id),
    CONSTRAINT fk_role_proposal_proposed_by_officer FOREIGN KEY(proposed_by) REFERENCES officer (id),
    CONSTRAINT fk_role_proposal_entered_by_officer FOREIGN KEY(entered_by) REFERENCES officer (id),
    CONSTRAINT fk_role_proposal_approved_by_officer FOREIGN KEY(approved_by) REFERENCES officer (id),
    CONSTRAINT fk_role_proposal_closed_by_officer FOREIGN KEY(closed_by) REFERENCES officer (id),
    -- Nobody gives a word on a role of his own.
    CONSTRAINT ck_role_proposal_never_for_oneself CHECK (officer_id NOT IN (
        opened_by, coalesce(proposed_by, 0), coalesce(entered_by, 0), coalesce(approved_by, 0)))
);
CREATE UNIQUE INDEX uq_role_proposal_waiting ON role_proposal (officer_id, role) WHERE state = 'WAITING';
CREATE INDEX ix_role_proposal_officer_id ON role_proposal (officer_id);

ALTER TABLE officer_role
    ADD COLUMN proposal_id BIGINT,
    ADD COLUMN revoked_by BIGINT,
    ADD COLUMN revoke_reason TEXT,
    ADD CONSTRAINT fk_officer_role_proposal_id_role_proposal FOREIGN KEY(proposal_id) REFERENCES role_proposal (id),
    ADD CONSTRAINT fk_officer_role_revoked_by_officer FOREIGN KEY(revoked_by) REFERENCES officer (id);
CREATE INDEX ix_officer_role_officer_id ON officer_role (officer_id);

-- A staff file between preview and application; its content is blanked when it has served.
CREATE TABLE staff_import (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    discarded_at TIMESTAMP WITH TIME ZONE,
    counts JSONB NOT NULL,
    CONSTRAINT pk_staff_import PRIMARY KEY (id),
    CONSTRAINT fk_staff_import_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE INDEX ix_staff_import_officer_id ON staff_import (officer_id);

-- Offices: a second editor is told; announced days and extra hours are withdrawn, never deleted.
ALTER TABLE office ADD COLUMN version BIGINT DEFAULT 1 NOT NULL;
ALTER TABLE calendar_override DROP CONSTRAINT pk_calendar_override;
ALTER TABLE calendar_override
    ADD COLUMN id BIGSERIAL NOT NULL,
    ADD COLUMN entered_by BIGINT,
    ADD COLUMN entered_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ADD COLUMN withdrawn_by BIGINT,
    ADD COLUMN withdrawn_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN withdraw_reason TEXT,
    ADD CONSTRAINT pk_calendar_override PRIMARY KEY (id),
    ADD CONSTRAINT fk_calendar_override_entered_by_officer FOREIGN KEY(entered_by) REFERENCES officer (id),
    ADD CONSTRAINT fk_calendar_override_withdrawn_by_officer FOREIGN KEY(withdrawn_by) REFERENCES officer (id);
CREATE UNIQUE INDEX uq_calendar_override_in_force ON calendar_override (day) WHERE withdrawn_at IS NULL;
ALTER TABLE hours_window
    ADD COLUMN withdrawn_by BIGINT,
    ADD COLUMN withdrawn_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN withdraw_reason TEXT,
    ADD CONSTRAINT fk_hours_window_withdrawn_by_officer FOREIGN KEY(withdrawn_by) REFERENCES officer (id);
CREATE INDEX ix_hours_window_office_code ON hours_window (office_code, closes);

GRANT SELECT, INSERT, UPDATE ON posting, role_proposal, staff_import TO accessctl_app;
GRANT SELECT ON posting, role_proposal TO accessctl_reader;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO accessctl_app;
