-- The control database of issue 2: province, people, accounts, custody, leases, evidence, audit.
-- Run by its owner (NOLOGIN, reached by SET ROLE); the rights of the four service roles stand at the end.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE act (
    id BIGSERIAL NOT NULL,
    host TEXT NOT NULL,
    host_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease_id TEXT NOT NULL,
    officer TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT,
    outcome TEXT NOT NULL,
    matched BOOLEAN NOT NULL,
    CONSTRAINT pk_act PRIMARY KEY (id),
    CONSTRAINT uq_act_host_host_id UNIQUE (host, host_id)
);
CREATE INDEX ix_act_lease_id ON act (lease_id);

CREATE TABLE audit_checkpoint (
    size BIGINT NOT NULL,
    frontier BYTEA NOT NULL,
    note TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_audit_checkpoint PRIMARY KEY (size)
);

CREATE TABLE audit_inbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    leaf BYTEA NOT NULL,
    CONSTRAINT pk_audit_inbox PRIMARY KEY (id),
    -- A leaf is one line of an export: whoever may insert cannot make a log that nobody can export.
    CONSTRAINT ck_audit_inbox_one_line CHECK (octet_length(leaf) BETWEEN 2 AND 65535 AND position('\x0a'::bytea IN leaf) = 0)
);

CREATE TABLE audit_index (
    idx BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor TEXT,
    office TEXT,
    account TEXT,
    kind TEXT,
    lease TEXT,
    dossier TEXT,
    guest TEXT,
    host TEXT,
    subject TEXT,
    CONSTRAINT pk_audit_index PRIMARY KEY (idx)
);
CREATE INDEX ix_audit_index_account ON audit_index (account, idx);
CREATE INDEX ix_audit_index_actor ON audit_index (actor, idx);
CREATE INDEX ix_audit_index_at ON audit_index (at);
CREATE INDEX ix_audit_index_dossier ON audit_index (dossier, idx);
CREATE INDEX ix_audit_index_event ON audit_index (event, idx);
CREATE INDEX ix_audit_index_guest ON audit_index (guest, idx);
CREATE INDEX ix_audit_index_host ON audit_index (host, idx);
CREATE INDEX ix_audit_index_intent ON audit_index (at) WHERE outcome = 'intent';
CREATE INDEX ix_audit_index_lease ON audit_index (lease);

CREATE TABLE audit_log (
    idx BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    leaf BYTEA NOT NULL,
    inbox_id BIGINT NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (idx)
)
 PARTITION BY RANGE (idx);
CREATE INDEX ix_audit_log_inbox_id ON audit_log (inbox_id);

CREATE TABLE calendar_override (
    day DATE NOT NULL,
    works BOOLEAN NOT NULL,
    decision_no TEXT NOT NULL,
    note TEXT NOT NULL,
    CONSTRAINT pk_calendar_override PRIMARY KEY (day)
);

CREATE TABLE evidence_mark (
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    detail TEXT,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_evidence_mark PRIMARY KEY (name)
);

CREATE TABLE finding (
    id BIGSERIAL NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity BIGINT NOT NULL,
    office TEXT,
    account TEXT,
    lease_id TEXT,
    details JSONB NOT NULL,
    times BIGINT NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_finding PRIMARY KEY (id),
    CONSTRAINT uq_finding_key UNIQUE (key)
);
CREATE INDEX ix_finding_office ON finding (office);

CREATE TABLE login (
    id BIGSERIAL NOT NULL,
    source TEXT NOT NULL,
    server TEXT NOT NULL,
    host TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    role TEXT NOT NULL,
    lease_id TEXT,
    pid BIGINT NOT NULL,
    started TIMESTAMP WITH TIME ZONE NOT NULL,
    client_addr TEXT,
    client_port BIGINT,
    application TEXT,
    outcome TEXT NOT NULL,
    matched BOOLEAN,
    CONSTRAINT pk_login PRIMARY KEY (id),
    CONSTRAINT uq_login_server_pid_started_source UNIQUE (server, pid, started, source)
);
CREATE INDEX ix_login_at ON login (at);

CREATE TABLE office (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    name_en TEXT NOT NULL,
    level TEXT NOT NULL,
    gso_code TEXT,
    departments JSONB NOT NULL,
    hours JSONB NOT NULL,
    pool_size BIGINT NOT NULL,
    dbname TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_office PRIMARY KEY (code)
);

CREATE TABLE province (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    legal_basis TEXT NOT NULL,
    effective_from DATE NOT NULL,
    applied_digest TEXT NOT NULL,
    CONSTRAINT pk_province PRIMARY KEY (code)
);

CREATE TABLE subject (
    pseudonym TEXT NOT NULL,
    bhxh_no TEXT NOT NULL,
    CONSTRAINT pk_subject PRIMARY KEY (pseudonym)
);

CREATE TABLE officer (
    id BIGSERIAL NOT NULL,
    username TEXT NOT NULL,
    full_name TEXT NOT NULL,
    title TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    office_code TEXT NOT NULL,
    department TEXT NOT NULL,
    password_hash TEXT,
    must_change BOOLEAN NOT NULL,
    failures BIGINT NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE,
    locked_until TIMESTAMP WITH TIME ZONE,
    left_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_officer PRIMARY KEY (id),
    CONSTRAINT uq_officer_username UNIQUE (username),
    CONSTRAINT fk_officer_office_code_office FOREIGN KEY(office_code) REFERENCES office (code)
);
CREATE INDEX ix_officer_office_code ON officer (office_code);

CREATE TABLE account (
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    guest TEXT NOT NULL,
    host TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    state_before TEXT,
    epoch BIGINT NOT NULL,
    unlock_asked_by BIGINT,
    CONSTRAINT pk_account PRIMARY KEY (name),
    CONSTRAINT fk_account_guest_office FOREIGN KEY(guest) REFERENCES office (code),
    CONSTRAINT fk_account_host_office FOREIGN KEY(host) REFERENCES office (code),
    CONSTRAINT uq_account_role UNIQUE (role),
    CONSTRAINT fk_account_unlock_asked_by_officer FOREIGN KEY(unlock_asked_by) REFERENCES officer (id)
);
CREATE INDEX ix_account_guest ON account (guest);
CREATE INDEX ix_account_host ON account (host);

CREATE TABLE custody (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    kind TEXT NOT NULL,
    officer_id BIGINT NOT NULL,
    period TSTZRANGE NOT NULL,
    decision_no TEXT NOT NULL,
    appointed_by BIGINT NOT NULL,
    appointed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    CONSTRAINT pk_custody PRIMARY KEY (id),
    CONSTRAINT ex_custody_one_at_a_time EXCLUDE USING gist (office_code WITH =, kind WITH =, period WITH &&),
    CONSTRAINT fk_custody_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_custody_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_custody_appointed_by_officer FOREIGN KEY(appointed_by) REFERENCES officer (id)
);
CREATE INDEX ix_custody_officer_id ON custody (officer_id);

CREATE TABLE hours_window (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    opens TIMESTAMP WITH TIME ZONE NOT NULL,
    closes TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_by BIGINT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_hours_window PRIMARY KEY (id),
    CONSTRAINT fk_hours_window_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_hours_window_opened_by_officer FOREIGN KEY(opened_by) REFERENCES officer (id)
);

CREATE TABLE officer_role (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    shown_first BOOLEAN NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    granted_by BIGINT,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_officer_role PRIMARY KEY (id),
    CONSTRAINT fk_officer_role_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_officer_role_granted_by_officer FOREIGN KEY(granted_by) REFERENCES officer (id)
);
CREATE UNIQUE INDEX uq_officer_role_held ON officer_role (officer_id, role) WHERE revoked_at IS NULL;

CREATE TABLE web_session (
    token_hash BYTEA NOT NULL,
    officer_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    address TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    CONSTRAINT pk_web_session PRIMARY KEY (token_hash),
    CONSTRAINT fk_web_session_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE INDEX ix_web_session_officer_id ON web_session (officer_id);

CREATE TABLE lease (
    id UUID NOT NULL,
    place BIGINT GENERATED BY DEFAULT AS IDENTITY,
    account_name TEXT NOT NULL,
    host TEXT NOT NULL,
    guest TEXT NOT NULL,
    officer_id BIGINT NOT NULL,
    officer_name TEXT NOT NULL,
    dossier TEXT NOT NULL,
    subject TEXT NOT NULL,
    fields TEXT[] NOT NULL,
    reason TEXT NOT NULL,
    client BOOLEAN NOT NULL,
    revealed_at TIMESTAMP WITH TIME ZONE,
    state TEXT NOT NULL,
    minutes BIGINT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    limit_at TIMESTAMP WITH TIME ZONE,
    renewals BIGINT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    end_note TEXT,
    ended_by BIGINT,
    closed_at TIMESTAMP WITH TIME ZONE,
    sessions_ended BIGINT,
    kid TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE,
    correlation TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    CONSTRAINT pk_lease PRIMARY KEY (id),
    CONSTRAINT fk_lease_account_name_account FOREIGN KEY(account_name) REFERENCES account (name),
    CONSTRAINT fk_lease_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_lease_subject_subject FOREIGN KEY(subject) REFERENCES subject (pseudonym),
    CONSTRAINT fk_lease_ended_by_officer FOREIGN KEY(ended_by) REFERENCES officer (id)
);
CREATE INDEX ix_lease_dossier ON lease (dossier);
CREATE INDEX ix_lease_queue ON lease (account_name, place) WHERE state = 'QUEUED';
CREATE INDEX ix_lease_unfinished ON lease (host, state) WHERE state NOT IN ('CLOSED', 'DENIED', 'CANCELLED');
CREATE UNIQUE INDEX uq_lease_account_held ON lease (account_name) WHERE state IN ('OPENING', 'ACTIVE', 'CLOSING');
CREATE UNIQUE INDEX uq_lease_officer_holds ON lease (officer_id) WHERE state IN ('QUEUED', 'OPENING', 'ACTIVE');

-- The log in pieces of ten million records, made ahead: the sequencer may not create tables.
DO $$
BEGIN
    FOR piece IN 0..19 LOOP
        EXECUTE format(
            'CREATE TABLE audit_log_%s PARTITION OF audit_log FOR VALUES FROM (%s) TO (%s)',
            piece, piece * 10000000::bigint, (piece + 1) * 10000000::bigint);
    END LOOP;
END $$;

-- Nobody changes what was written: not by a right given by mistake, not by TRUNCATE, which passes row triggers by.
CREATE FUNCTION audit_immutable() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_immutable BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_immutable();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_immutable();
CREATE TRIGGER audit_checkpoint_immutable BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_immutable();
CREATE TRIGGER audit_checkpoint_no_truncate BEFORE TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_immutable();
CREATE TRIGGER audit_inbox_immutable BEFORE UPDATE ON audit_inbox
    FOR EACH ROW EXECUTE FUNCTION audit_immutable();
CREATE TRIGGER audit_inbox_no_truncate BEFORE TRUNCATE ON audit_inbox
    FOR EACH STATEMENT EXECUTE FUNCTION audit_immutable();

-- A truncate aimed at one piece passes the parent's trigger by, so every piece has its own.
DO $$
BEGIN
    FOR piece IN 0..19 LOOP
        EXECUTE format(
            'CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log_%s '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_immutable()', piece);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION audit_immutable() FROM PUBLIC;

-- Rights. The application deletes nothing; only the sequencer moves records; the reader reads.
GRANT USAGE ON SCHEMA public TO accessctl_app, accessctl_sequencer, accessctl_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO accessctl_app, accessctl_reader;
REVOKE SELECT ON officer, web_session, subject FROM accessctl_reader;
GRANT INSERT, UPDATE ON
    province, office, calendar_override, hours_window, officer, officer_role, web_session, account, custody,
    lease, login, act, evidence_mark, finding TO accessctl_app;
GRANT INSERT ON subject, audit_inbox, audit_index TO accessctl_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO accessctl_app;
GRANT SELECT, DELETE ON audit_inbox TO accessctl_sequencer;
GRANT SELECT, INSERT ON audit_log, audit_checkpoint TO accessctl_sequencer;
