-- The reference schema: stands for the agency's SMS. Four functions are all that an account may call; nobody but
-- the owner has a right on a table. All text is NFC.

CREATE TABLE bhyt.participant (
    bhxh_no          text PRIMARY KEY CHECK (bhxh_no ~ '^[0-9]{10}$'),
    full_name        text NOT NULL CHECK (full_name IS NFC NORMALIZED),
    birth_date       date NOT NULL,
    birth_year_only  boolean NOT NULL DEFAULT false,
    sex              text NOT NULL CHECK (sex IN ('M', 'F')),
    address          text NOT NULL CHECK (address IS NFC NORMALIZED),
    id_no            text,
    initial_care     text NOT NULL CHECK (initial_care IS NFC NORMALIZED),
    category         text NOT NULL CHECK (category ~ '^[A-Z]{2}$'),
    participation    text NOT NULL CHECK (participation IN ('CHI_BHYT', 'BHXH_BHYT'))
);

-- In force by its dates, both included, in the province's time.
CREATE TABLE bhyt.card (
    card_no     text PRIMARY KEY,
    bhxh_no     text NOT NULL REFERENCES bhyt.participant (bhxh_no),
    valid_from  date NOT NULL,
    valid_to    date NOT NULL,
    benefit     smallint NOT NULL CHECK (benefit BETWEEN 1 AND 5),
    CHECK (valid_from <= valid_to)
);
CREATE INDEX card_holder ON bhyt.card (bhxh_no, valid_from);

-- One dossier gives at most one reissue (R26); a blank is used once; idem = dossier + step.
CREATE TABLE bhyt.reissue (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bhxh_no         text NOT NULL REFERENCES bhyt.participant (bhxh_no),
    card_no         text NOT NULL REFERENCES bhyt.card (card_no),
    reason          text NOT NULL CHECK (reason IN ('MAT', 'HONG', 'THAY_DOI')),
    blank_serial    text NOT NULL UNIQUE,
    serving_office  text NOT NULL,
    officer         text NOT NULL,
    dossier         text NOT NULL UNIQUE,
    lease_id        text NOT NULL,
    idem            text NOT NULL UNIQUE,
    at              timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reissue_holder ON bhyt.reissue (bhxh_no, at);

-- One row per field of a correction, unchanged ones included, so that a repeated call can be told from another.
CREATE SEQUENCE bhyt.correction_id;
CREATE TABLE bhyt.correction (
    id              bigint NOT NULL,
    field           text NOT NULL,
    bhxh_no         text NOT NULL REFERENCES bhyt.participant (bhxh_no),
    old_value       text,
    new_value       text NOT NULL,
    serving_office  text NOT NULL,
    officer         text NOT NULL,
    dossier         text NOT NULL,
    lease_id        text NOT NULL,
    idem            text NOT NULL,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, field),
    UNIQUE (idem, field)
);
CREATE INDEX correction_holder ON bhyt.correction (bhxh_no, at);
