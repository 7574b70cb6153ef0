-- Sign-in: second factors, recovery codes, one-time links, tokens of the command line (issue 3, item 10).
-- Nothing here can be used as it is stored: secrets are encrypted, codes and tokens are hashes.
ALTER TABLE web_session ADD COLUMN browser TEXT;

CREATE TABLE second_factor (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    kid TEXT NOT NULL,
    secret BYTEA,
    enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_step BIGINT NOT NULL,
    burned_step BIGINT,
    carries_password BOOLEAN NOT NULL,
    removed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_second_factor PRIMARY KEY (id),
    CONSTRAINT fk_second_factor_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
-- One device a person; what was removed stays, without its secret.
CREATE UNIQUE INDEX uq_second_factor_in_force ON second_factor (officer_id) WHERE removed_at IS NULL;

CREATE TABLE recovery_code (
    id BIGSERIAL NOT NULL,
    factor_id BIGINT NOT NULL,
    kid TEXT NOT NULL,
    code_hash BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    replaced_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_recovery_code PRIMARY KEY (id),
    CONSTRAINT fk_recovery_code_factor_id_second_factor FOREIGN KEY(factor_id) REFERENCES second_factor (id)
);
CREATE INDEX ix_recovery_code_factor_id ON recovery_code (factor_id);

-- The first of the two pages of a sign-in: the password was right, the code is awaited. No session.
CREATE TABLE sign_in_step (
    token_hash BYTEA NOT NULL,
    officer_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    address TEXT,
    over_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_step PRIMARY KEY (token_hash),
    CONSTRAINT fk_sign_in_step_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);

-- Names that nobody bears are locked like names that somebody bears, so that a lock tells nothing.
CREATE TABLE sign_in_stranger (
    name_hash BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_stranger PRIMARY KEY (name_hash)
);

-- Where a person used the command line from, and when that was last told to the log.
CREATE TABLE sign_in_place (
    officer_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    means TEXT NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sign_in_place PRIMARY KEY (officer_id, address, means),
    CONSTRAINT fk_sign_in_place_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);

CREATE TABLE access_token (
    id BIGSERIAL NOT NULL,
    token_hash BYTEA NOT NULL,
    officer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    roles TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    used_from TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    CONSTRAINT pk_access_token PRIMARY KEY (id),
    CONSTRAINT uq_access_token_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_access_token_scope CHECK (scope IN ('read', 'use')),
    CONSTRAINT fk_access_token_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE INDEX ix_access_token_officer_id ON access_token (officer_id);

CREATE TABLE reset_link (
    id BIGSERIAL NOT NULL,
    token_hash BYTEA NOT NULL,
    officer_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    issued_by BIGINT NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    over_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    CONSTRAINT pk_reset_link PRIMARY KEY (id),
    CONSTRAINT uq_reset_link_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_reset_link_purpose CHECK (purpose IN ('password', 'second_factor')),
    CONSTRAINT fk_reset_link_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_reset_link_issued_by_officer FOREIGN KEY(issued_by) REFERENCES officer (id)
);
CREATE INDEX ix_reset_link_officer_id ON reset_link (officer_id);

GRANT SELECT, INSERT, UPDATE ON
    second_factor, recovery_code, sign_in_step, sign_in_stranger, sign_in_place, access_token, reset_link
    TO accessctl_app;
GRANT USAGE ON SEQUENCE second_factor_id_seq, recovery_code_id_seq, access_token_id_seq, reset_link_id_seq
    TO accessctl_app;
-- The reader gets none of it: nothing about credentials belongs into a report.
