-- What a TKCL (or the office's own card pool) may do: view what a reissue needs, and reissue.

CREATE FUNCTION bhyt.today() RETURNS date
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
$$;

-- Only-year people (old papers) are written as the year alone.
CREATE FUNCTION bhyt.birth_text(birth_date date, year_only boolean) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(birth_date, CASE WHEN year_only THEN 'YYYY' ELSE 'YYYY-MM-DD' END)
$$;

CREATE FUNCTION bhyt.valid_idem(idem text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(octet_length(idem) BETWEEN 1 AND 200 AND idem ~ '^[[:graph:]]+$', false)
$$;

CREATE FUNCTION bhyt.latest_card(bhxh_no text) RETURNS bhyt.card
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c FROM bhyt.card c WHERE c.bhxh_no = latest_card.bhxh_no ORDER BY c.valid_from DESC, c.card_no LIMIT 1
$$;

CREATE FUNCTION bhyt.view_reissue(bhxh_no text,
    OUT outcome text, OUT full_name text, OUT birth_date text, OUT card_no text, OUT valid_from date,
    OUT valid_to date, OUT participation text, OUT reissues jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    used record;
    person bhyt.participant;
    card bhyt.card;
BEGIN
    used := access.begin_use(view_reissue.bhxh_no);
    outcome := used.refusal;
    IF outcome IS NULL THEN
        SELECT * INTO person FROM bhyt.participant p WHERE p.bhxh_no = view_reissue.bhxh_no;
        outcome := CASE WHEN FOUND THEN 'ok' ELSE 'not_found' END;
    END IF;
    IF outcome = 'ok' THEN
        card := bhyt.latest_card(person.bhxh_no);
        full_name := person.full_name;
        birth_date := bhyt.birth_text(person.birth_date, person.birth_year_only);
        card_no := card.card_no;
        valid_from := card.valid_from;
        valid_to := card.valid_to;
        participation := person.participation;
        SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'at', r.at, 'reason', r.reason,
                   'blank_serial', r.blank_serial, 'serving_office', r.serving_office) ORDER BY r.at), '[]')
          INTO reissues FROM bhyt.reissue r WHERE r.bhxh_no = person.bhxh_no;
    END IF;
    PERFORM access.note_act(used.held, 'reissue:view', view_reissue.bhxh_no, outcome, '{}');
END
$$;

-- Number and validity of the card stay as they are (R26). Repeating a call, or a second one for the dossier, gives
-- the record that is there (already = true); another person's key or a used blank is bad input.
CREATE FUNCTION bhyt.reissue_card(bhxh_no text, reason text, blank_serial text, idem text,
    OUT outcome text, OUT reissue_id bigint, OUT card_no text, OUT already boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    used record;
    held access.lease;
    person bhyt.participant;
    card bhyt.card;
    done bhyt.reissue;
BEGIN
    used := access.begin_use(reissue_card.bhxh_no);
    held := used.held;
    outcome := used.refusal;
    already := false;
    IF outcome IS NULL AND (reason IS NULL OR reason NOT IN ('MAT', 'HONG', 'THAY_DOI') OR NOT bhyt.valid_idem(idem)
            OR blank_serial IS NULL OR blank_serial !~ '^[0-9A-Z]{6,20}$') THEN
        outcome := 'bad_input';
    END IF;
    IF outcome IS NULL THEN
        SELECT * INTO person FROM bhyt.participant p WHERE p.bhxh_no = reissue_card.bhxh_no;
        card := bhyt.latest_card(person.bhxh_no);
        outcome := CASE
            WHEN person.bhxh_no IS NULL THEN 'not_found'
            WHEN reason = 'THAY_DOI' AND person.participation <> 'CHI_BHYT' THEN 'not_bhyt_only'
            WHEN card.card_no IS NULL OR bhyt.today() NOT BETWEEN card.valid_from AND card.valid_to
                THEN 'not_in_force'
            ELSE 'ok' END;
    END IF;
    IF outcome = 'ok' THEN
        INSERT INTO bhyt.reissue (bhxh_no, card_no, reason, blank_serial, serving_office, officer, dossier,
                                  lease_id, idem)
        SELECT person.bhxh_no, card.card_no, reissue_card.reason, reissue_card.blank_serial, a.guest, held.officer,
               held.dossier, held.lease_id, reissue_card.idem
          FROM access.account a WHERE a.role = held.account
            ON CONFLICT DO NOTHING
        RETURNING * INTO done;
        IF done.id IS NULL THEN
            SELECT * INTO done FROM bhyt.reissue r
             WHERE r.dossier = held.dossier AND r.bhxh_no = person.bhxh_no;
            already := done.id IS NOT NULL;
            outcome := CASE WHEN already THEN 'ok' ELSE 'bad_input' END;
        END IF;
        reissue_id := done.id;
        card_no := done.card_no;
    END IF;
    PERFORM access.note_act(held, 'card:reissue', reissue_card.bhxh_no, outcome,
        jsonb_strip_nulls(jsonb_build_object('reissue_id', reissue_id, 'already', already)));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bhyt FROM PUBLIC;
