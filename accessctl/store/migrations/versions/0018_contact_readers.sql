-- Who reads the contact lists for a department of the head office, and its receipt beside those of the offices (R34).
CREATE TABLE contact_reader (
    id BIGSERIAL NOT NULL,
    office_code TEXT NOT NULL,
    department TEXT NOT NULL,
    officer_id BIGINT NOT NULL,
    named_by BIGINT NOT NULL,
    named_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_by BIGINT,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_contact_reader PRIMARY KEY (id),
    CONSTRAINT fk_contact_reader_office_code_office FOREIGN KEY(office_code) REFERENCES office (code),
    CONSTRAINT fk_contact_reader_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_contact_reader_named_by_officer FOREIGN KEY(named_by) REFERENCES officer (id),
    CONSTRAINT fk_contact_reader_ended_by_officer FOREIGN KEY(ended_by) REFERENCES officer (id)
);
CREATE UNIQUE INDEX uq_contact_reader_now ON contact_reader (office_code, department) WHERE ended_at IS NULL;

-- A receipt without a department is the office's own.
ALTER TABLE contact_receipt ADD COLUMN department TEXT;
ALTER TABLE contact_receipt DROP CONSTRAINT uq_contact_receipt_publication_id_office_code;
ALTER TABLE contact_receipt ADD CONSTRAINT uq_contact_receipt_publication_id_office_code_department
    UNIQUE NULLS NOT DISTINCT (publication_id, office_code, department);

GRANT SELECT ON contact_reader TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON contact_reader TO accessctl_app;
GRANT USAGE ON SEQUENCE contact_reader_id_seq TO accessctl_app;
