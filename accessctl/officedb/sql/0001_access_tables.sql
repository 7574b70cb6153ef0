-- Schema access: who may log in, for which lease, and what was done. Owned by accessctl_owner; no account reads it.

CREATE TABLE access.version (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The managed roles of this database. A role is managed because it stands here, never because pg_has_role says so.
CREATE TABLE access.account (
    role      text PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('TKCL', 'TKHCTT', 'LOCAL_CL', 'LOCAL_HC')),
    guest     text NOT NULL CHECK (guest ~ '^[A-Z]{3}$'),
    host      text NOT NULL CHECK (host ~ '^[A-Z]{3}$'),
    number    smallint CHECK (number BETWEEN 1 AND 99),
    added_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind IN ('TKCL', 'TKHCTT')) = (guest <> host)),
    CHECK ((kind IN ('TKCL', 'TKHCTT')) = (number IS NULL))
);

-- One open lease per account. subject = HMAC-SHA256 of the person's number under a key of this lease alone;
-- subject_pads = that key as the two padded blocks of RFC 2104 (inner, outer). The row, and with it the key,
-- goes when the lease ends, so what stays in act cannot be searched through by whoever reads it.
CREATE TABLE access.lease (
    account       text PRIMARY KEY REFERENCES access.account (role),
    lease_id      text NOT NULL UNIQUE CHECK (length(lease_id) BETWEEN 1 AND 100),
    officer       text NOT NULL CHECK (length(officer) BETWEEN 1 AND 200),
    dossier       text NOT NULL CHECK (length(dossier) BETWEEN 1 AND 100),
    subject       bytea NOT NULL CHECK (octet_length(subject) = 32),
    subject_pads  bytea NOT NULL CHECK (octet_length(subject_pads) = 128),
    fields        text[] NOT NULL DEFAULT '{}' CHECK (fields <@ ARRAY[
                      'full_name', 'birth_date', 'sex', 'address', 'id_no', 'initial_care']),
    opened_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    receipt       text NOT NULL DEFAULT '',
    CHECK (expires_at > opened_at AND expires_at <= opened_at + interval '61 minutes')
);

-- Written by whoever closes; a lease that stands here can never be opened again. changed: the account had set
-- session defaults of its own meanwhile (a finding).
CREATE TABLE access.lease_end (
    id         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    lease_id   text PRIMARY KEY,
    account    text NOT NULL,
    officer    text,
    dossier    text,
    reason     text NOT NULL CHECK (reason IN ('returned', 'expired', 'revoked', 'abandoned')),
    opened_at  timestamptz,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    sessions   integer NOT NULL DEFAULT 0,
    changed    boolean NOT NULL DEFAULT false
);
CREATE INDEX lease_end_xid ON access.lease_end (xid);

-- xid in the tables that a witness reads: ids are given out before transactions end, so a reader that goes by the last
-- id alone would miss a row whose transaction was long; reading on from a transaction horizon misses none.

-- Every login to this database that could be written; lease_id only for managed roles.
CREATE TABLE access.login (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    role              text NOT NULL,
    lease_id          text,
    pid               integer NOT NULL,
    backend_start     timestamptz,
    client_addr       inet,
    client_port       integer,
    application_name  text
);
CREATE INDEX login_xid ON access.login (xid);
CREATE INDEX login_session ON access.login (pid, backend_start);
CREATE INDEX login_lease ON access.login (lease_id) WHERE lease_id IS NOT NULL;

-- One row per use, refusals and views included. A gap in id is a use whose transaction was rolled back;
-- the server's log has its line all the same (access.note_act).
CREATE TABLE access.act (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_id       text NOT NULL,
    officer        text,
    role           text NOT NULL,
    dossier        text,
    action         text NOT NULL,
    subject        bytea,
    outcome        text NOT NULL CHECK (outcome IN ('ok', 'not_found', 'wrong_subject', 'not_in_force',
                       'not_bhyt_only', 'field_not_listed', 'lease_over', 'bad_input')),
    detail         jsonb NOT NULL DEFAULT '{}',
    pid            integer NOT NULL,
    backend_start  timestamptz
);
CREATE INDEX act_xid ON access.act (xid);
CREATE INDEX act_lease ON access.act (lease_id);
CREATE INDEX act_subject ON access.act (subject) WHERE subject IS NOT NULL;
