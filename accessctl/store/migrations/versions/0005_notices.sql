-- Notices: in the page and by mail. A notice is written in the transaction of the act it tells of; a mail that is
-- to go out is a row beside it, so that neither exists without the act.
CREATE TABLE mail (
    id BIGSERIAL NOT NULL,
    token UUID DEFAULT gen_random_uuid() NOT NULL,
    officer_id BIGINT NOT NULL,
    digest_day DATE,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    reply BIGINT,
    failed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_mail PRIMARY KEY (id),
    CONSTRAINT ck_mail_state CHECK (state IN ('WAITING', 'SENT', 'GIVEN_UP')),
    CONSTRAINT fk_mail_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);
CREATE INDEX ix_mail_waiting ON mail (next_try_at) WHERE state = 'WAITING';
CREATE INDEX ix_mail_given_up ON mail (id) WHERE state = 'GIVEN_UP';
CREATE INDEX ix_mail_sent_at ON mail (sent_at);
CREATE INDEX ix_mail_failed_at ON mail (failed_at);
CREATE UNIQUE INDEX uq_mail_digest ON mail (officer_id, digest_day) WHERE digest_day IS NOT NULL;

CREATE TABLE notice (
    id BIGSERIAL NOT NULL,
    officer_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    about JSONB NOT NULL,
    how TEXT NOT NULL,
    mail_id BIGINT,
    once TEXT,
    read_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_notice PRIMARY KEY (id),
    CONSTRAINT ck_notice_how CHECK (how IN ('page', 'daily', 'now')),
    CONSTRAINT fk_notice_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id),
    CONSTRAINT fk_notice_mail_id_mail FOREIGN KEY(mail_id) REFERENCES mail (id)
);
CREATE INDEX ix_notice_officer_id ON notice (officer_id, id);
CREATE INDEX ix_notice_unread ON notice (officer_id, id) WHERE read_at IS NULL;
CREATE INDEX ix_notice_digest ON notice (at) WHERE how = 'daily' AND mail_id IS NULL;
CREATE INDEX ix_notice_mail_id ON notice (mail_id) WHERE mail_id IS NOT NULL;
CREATE UNIQUE INDEX uq_notice_once ON notice (officer_id, once) WHERE once IS NOT NULL;

CREATE TABLE notice_choice (
    officer_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    how TEXT NOT NULL,
    chosen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_notice_choice PRIMARY KEY (officer_id, kind),
    CONSTRAINT ck_notice_choice_how CHECK (how IN ('page', 'daily', 'now')),
    CONSTRAINT fk_notice_choice_officer_id_officer FOREIGN KEY(officer_id) REFERENCES officer (id)
);

GRANT SELECT ON mail, notice, notice_choice TO accessctl_app, accessctl_reader;
GRANT INSERT, UPDATE ON mail, notice, notice_choice TO accessctl_app;
GRANT USAGE ON SEQUENCE mail_id_seq, notice_id_seq TO accessctl_app;
