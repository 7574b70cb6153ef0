-- Custody: standing rules, approvals, the published contact list and its receipts, substitutions, hand-overs.
ALTER TABLE custody
    ADD COLUMN substitutes BIGINT,
    ADD COLUMN cut TSTZRANGE,
    ADD COLUMN handover JSONB,
    ADD CONSTRAINT fk_custody_substitutes_officer FOREIGN KEY(substitutes) REFERENCES officer (id);

CREATE TABLE substitution (
    id BIGSERIAL NOT NULL,
    custody_id BIGINT NOT NULL,
    officer_id BIGINT NOT NULL,
    opens TIMESTAMP WITH TIME ZONE NOT NULL,
    closes TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    decision_no TEXT,
    state TEXT NOT NULL,
    proposed_by BIGINT NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by BIGINT,
    decided_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    stands BIGINT,
    CONSTRAINT pk_substitution PRIMARY KEY (id),
    CONSTRAINT ck_substitution_forward CHECK (opens < closes),
    CONSTRAINT fk_substitution_custody_id_custody FOREIGN KEY(custody_id) REFERENCES custody (id),
    CONSTRAINT fk_substitution_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_substitution_proposed_by_officer FOREIGN KEY(proposed_by) REFERENCES officer (id),
    CONSTRAINT fk_substitution_decided_by_officer FOREIGN KEY(decided_by) REFERENCES officer (id),
    CONSTRAINT fk_substitution_stands_custody FOREIGN KEY(stands) REFERENCES custody (id)
);
CREATE INDEX ix_substitution_custody_id ON substitution (custody_id);

CREATE TABLE standing_rule (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    officers BIGINT[],
    days BIGINT[] NOT NULL,
    spans JSONB NOT NULL,
    per_day BIGINT,
    note TEXT NOT NULL,
    set_by BIGINT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_standing_rule PRIMARY KEY (id),
    CONSTRAINT uq_standing_rule_office_code_kind_version UNIQUE (office_code, kind, version),
    CONSTRAINT fk_standing_rule_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_standing_rule_set_by_officer FOREIGN KEY(set_by) REFERENCES officer (id)
);

CREATE TABLE approval (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    kind TEXT NOT NULL,
    account_name TEXT NOT NULL,
    officer_id BIGINT NOT NULL,
    dossier TEXT NOT NULL,
    opens TIMESTAMP WITH TIME ZONE NOT NULL,
    closes TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by BIGINT,
    decided_at TIMESTAMP WITH TIME ZONE,
    stood_in TEXT,
    note TEXT,
    used_at TIMESTAMP WITH TIME ZONE,
    lease_id UUID,
    CONSTRAINT pk_approval PRIMARY KEY (id),
    CONSTRAINT ck_approval_forward CHECK (opens < closes),
    CONSTRAINT ck_approval_used_by_a_lease CHECK ((state = 'USED') = (lease_id IS NOT NULL)),
    CONSTRAINT uq_approval_lease_id UNIQUE (lease_id),
    CONSTRAINT fk_approval_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_approval_account_name_account FOREIGN KEY(account_name) REFERENCES account (name),
    CONSTRAINT fk_approval_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_approval_decided_by_officer FOREIGN KEY(decided_by) REFERENCES officer (id),
    CONSTRAINT fk_approval_lease_id_lease FOREIGN KEY(lease_id) REFERENCES lease (id)
);
CREATE INDEX ix_approval_office_code ON approval (office_code, id);
CREATE UNIQUE INDEX uq_approval_asked ON approval (officer_id, account_name, dossier) WHERE state = 'ASKED';
CREATE INDEX ix_approval_given ON approval (officer_id, account_name) WHERE state = 'GIVEN';

CREATE TABLE contact_publication (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    version BIGINT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_by BIGINT,
    entries JSONB NOT NULL,
    CONSTRAINT pk_contact_publication PRIMARY KEY (id),
    CONSTRAINT uq_contact_publication_office_code_version UNIQUE (office_code, version),
    CONSTRAINT fk_contact_publication_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_contact_publication_published_by_officer FOREIGN KEY(published_by) REFERENCES officer (id)
);

CREATE TABLE contact_receipt (
    id BIGSERIAL NOT NULL,
    publication_id BIGINT NOT NULL,
    office_code TEXT NOT NULL,
    officer_id BIGINT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_contact_receipt PRIMARY KEY (id),
    CONSTRAINT uq_contact_receipt_publication_id_office_code UNIQUE (publication_id, office_code),
    CONSTRAINT fk_contact_receipt_publication_id_contact_publication
        FOREIGN KEY(publication_id) REFERENCES contact_publication (id),
    CONSTRAINT fk_contact_receipt_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_contact_receipt_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);

-- How often an officer has borrowed today: asked only where a rule limits it.
CREATE INDEX ix_lease_officer_opened ON lease (officer_id, opened_at);

-- Rules, published lists and receipts are history: a new state is a new row.
GRANT SELECT ON substitution, standing_rule, approval, contact_publication, contact_receipt
    TO accessctl_app, accessctl_reader;
GRANT INSERT ON substitution, standing_rule, approval, contact_publication, contact_receipt TO accessctl_app;
GRANT UPDATE ON substitution, approval TO accessctl_app;
GRANT USAGE ON SEQUENCE substitution_id_seq, standing_rule_id_seq, approval_id_seq, contact_publication_id_seq,
    contact_receipt_id_seq TO accessctl_app;
