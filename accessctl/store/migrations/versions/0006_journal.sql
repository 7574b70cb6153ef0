-- Journal, findings, office databases: searching the log by correlation and outcome, saved searches, who deals with a
-- finding and what was said about it, and since when an office's database answers.

-- The search index is derived from the log; what it lacked is read from the leaves once.
ALTER TABLE audit_index ADD COLUMN correlation TEXT;
UPDATE audit_index i SET correlation = convert_from(l.leaf, 'UTF8')::json ->> 'correlation'
  FROM audit_log l WHERE l.idx = i.idx;
CREATE INDEX ix_audit_index_correlation ON audit_index (correlation, idx);
CREATE INDEX ix_audit_index_office ON audit_index (office, idx);
CREATE INDEX ix_audit_index_kind ON audit_index (kind, idx);
-- What went wrong is looked for often and is rare; what went well is most of the log.
CREATE INDEX ix_audit_index_outcome ON audit_index (outcome, idx) WHERE outcome <> 'ok';
DROP INDEX ix_audit_index_at;
CREATE INDEX ix_audit_index_at ON audit_index (at, idx);
-- A custodian's part of the log: an office's accounts of one kind.
CREATE INDEX ix_audit_index_guest_kind ON audit_index (guest, kind, idx);
-- What IT reads: records without a dossier, a small part of the log.
CREATE INDEX ix_audit_index_plain_guest ON audit_index (guest, idx) WHERE dossier IS NULL;
CREATE INDEX ix_audit_index_plain_host ON audit_index (host, idx) WHERE dossier IS NULL;
CREATE INDEX ix_audit_index_plain_kind ON audit_index (kind, idx) WHERE dossier IS NULL;
-- Columns that hang together. Without this the planner takes a rare pair for a frequent one and walks the whole log.
CREATE STATISTICS audit_index_guest_host (mcv) ON guest, host FROM audit_index;
CREATE STATISTICS audit_index_guest_event (mcv) ON guest, event FROM audit_index;
CREATE STATISTICS audit_index_host_event (mcv) ON host, event FROM audit_index;
CREATE STATISTICS audit_index_kind_event (mcv) ON kind, event FROM audit_index;
CREATE STATISTICS audit_index_actor_event (mcv) ON actor, event FROM audit_index;
CREATE STATISTICS audit_index_actor_guest (mcv) ON actor, guest FROM audit_index;
CREATE STATISTICS audit_index_office_guest (mcv) ON office, guest FROM audit_index;
CREATE STATISTICS audit_index_event_outcome (mcv) ON event, outcome FROM audit_index;
CREATE STATISTICS audit_index_event_dossier (mcv) ON event, kind, (dossier IS NULL) FROM audit_index;

CREATE TABLE saved_search (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    filters JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_saved_search PRIMARY KEY (id),
    CONSTRAINT fk_saved_search_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE UNIQUE INDEX uq_saved_search_name ON saved_search (officer_id, name) WHERE ended_at IS NULL;

ALTER TABLE finding
    ADD COLUMN owner_id BIGINT,
    ADD COLUMN version BIGINT DEFAULT 1 NOT NULL,
    ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN inbox_id BIGINT,
    ADD CONSTRAINT fk_finding_owner_id_officer FOREIGN KEY(owner_id) REFERENCES officer (id);
CREATE INDEX ix_finding_state ON finding (state, severity, last_at);

-- What was said and done about a finding; nothing here is ever changed.
CREATE TABLE finding_remark (
    id BIGSERIAL NOT NULL,
    finding_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    officer_id BIGINT,
    officer_name TEXT,
    what TEXT NOT NULL,
    words TEXT NOT NULL,
    CONSTRAINT pk_finding_remark PRIMARY KEY (id),
    CONSTRAINT fk_finding_remark_finding_id_finding FOREIGN KEY(finding_id) REFERENCES finding (id),
    CONSTRAINT fk_finding_remark_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE INDEX ix_finding_remark_finding_id ON finding_remark (finding_id);

CREATE TABLE office_link (
    office TEXT NOT NULL,
    up BOOLEAN NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    code TEXT,
    drift_at TIMESTAMP WITH TIME ZONE,
    drifts BIGINT,
    CONSTRAINT pk_office_link PRIMARY KEY (office),
    CONSTRAINT fk_office_link_office_office FOREIGN KEY(office) REFERENCES office (code)
);

GRANT SELECT ON saved_search, finding_remark, office_link TO accessctl_app;
GRANT SELECT ON finding_remark, office_link TO accessctl_reader;
GRANT INSERT, UPDATE ON saved_search, office_link TO accessctl_app;
GRANT INSERT ON finding_remark TO accessctl_app;
GRANT USAGE ON SEQUENCE saved_search_id_seq, finding_remark_id_seq TO accessctl_app;
