-- What a TKHCTT (or the office's own correction pool) may do: view and correct holder information of people who
-- are in BHYT only, and of the fields only that the lease lists.

CREATE FUNCTION bhyt.view_holder(bhxh_no text,
    OUT outcome text, OUT full_name text, OUT birth_date text, OUT sex text, OUT address text, OUT id_no text,
    OUT initial_care text, OUT participation text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    used record;
    person bhyt.participant;
BEGIN
    used := access.begin_use(view_holder.bhxh_no);
    outcome := used.refusal;
    IF outcome IS NULL THEN
        SELECT * INTO person FROM bhyt.participant p WHERE p.bhxh_no = view_holder.bhxh_no;
        outcome := CASE
            WHEN person.bhxh_no IS NULL THEN 'not_found'
            WHEN person.participation <> 'CHI_BHYT' THEN 'not_bhyt_only'
            ELSE 'ok' END;
    END IF;
    IF outcome = 'ok' THEN
        full_name := person.full_name;
        birth_date := bhyt.birth_text(person.birth_date, person.birth_year_only);
        sex := person.sex;
        address := person.address;
        id_no := person.id_no;
        initial_care := person.initial_care;
        participation := person.participation;
    END IF;
    PERFORM access.note_act(used.held, 'holder:view', view_holder.bhxh_no, outcome, '{}');
END
$$;

-- The value as it will stand (NFC, white space folded), or NULL when it is not one for this field.
-- birth_date: ISO day, or the year alone; from 1900 to today.
CREATE FUNCTION bhyt.tidy_value(field text, value jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
DECLARE
    given text := value #>> '{}';
    tidy text;
BEGIN
    IF jsonb_typeof(value) <> 'string' OR octet_length(given) > 2000 THEN
        RETURN NULL;
    END IF;
    tidy := btrim(regexp_replace(normalize(given, NFC), '\s+', ' ', 'g'));
    IF tidy = '' OR tidy ~ U&'[\0001-\001F\007F-\009F\2028-\202E\2066-\2069]' THEN
        RETURN NULL;
    END IF;
    RETURN CASE
        WHEN field = 'full_name' AND length(tidy) <= 100 AND tidy !~ '[0-9<>;]' THEN tidy
        WHEN field IN ('address', 'initial_care') AND length(tidy) <= 300 THEN tidy
        WHEN field = 'sex' AND tidy IN ('M', 'F') THEN tidy
        WHEN field = 'id_no' AND tidy ~ '^([0-9]{9}|[0-9]{12})$' THEN tidy
        WHEN field = 'birth_date' AND tidy ~ '^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$' AND bhyt.birth_day(tidy) IS NOT NULL
            THEN tidy
    END;
END
$$;

CREATE FUNCTION bhyt.birth_day(tidy text) RETURNS date
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT CASE WHEN day BETWEEN date '1900-01-01' AND bhyt.today() THEN day END
      FROM (SELECT CASE WHEN pg_input_is_valid(iso, 'date') THEN iso::date END AS day
              FROM (SELECT CASE WHEN length(tidy) = 4 THEN tidy || '-01-01' ELSE tidy END AS iso) written) read
$$;

CREATE FUNCTION bhyt.value_now(person bhyt.participant, field text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE field
        WHEN 'full_name' THEN person.full_name
        WHEN 'birth_date' THEN bhyt.birth_text(person.birth_date, person.birth_year_only)
        WHEN 'sex' THEN person.sex
        WHEN 'address' THEN person.address
        WHEN 'id_no' THEN person.id_no
        WHEN 'initial_care' THEN person.initial_care END
$$;

-- The changes as they will be written, {field: text}, or why not: bad_input, field_not_listed.
CREATE FUNCTION bhyt.read_changes(changes jsonb, fields text[], OUT tidy jsonb, OUT refusal text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF changes IS NULL OR jsonb_typeof(changes) <> 'object' OR changes = '{}' THEN
        refusal := 'bad_input';
    ELSIF EXISTS (SELECT FROM jsonb_object_keys(changes) k WHERE NOT k = ANY (fields)) THEN
        refusal := 'field_not_listed';
    ELSE
        SELECT jsonb_object_agg(c.key, bhyt.tidy_value(c.key, c.value)) INTO tidy FROM jsonb_each(changes) c;
        IF EXISTS (SELECT FROM jsonb_each(tidy) t WHERE t.value = 'null') THEN
            refusal := 'bad_input';
        END IF;
    END IF;
END
$$;

CREATE FUNCTION bhyt.write_correction(held access.lease, person bhyt.participant, tidy jsonb, idem text,
    OUT correction_id bigint, OUT changed text[])
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    correction_id := nextval('bhyt.correction_id');
    INSERT INTO bhyt.correction (id, field, bhxh_no, old_value, new_value, serving_office, officer, dossier,
                                 lease_id, idem)
    SELECT correction_id, t.key, person.bhxh_no, bhyt.value_now(person, t.key), t.value, a.guest, held.officer,
           held.dossier, held.lease_id, idem
      FROM jsonb_each_text(tidy) t JOIN access.account a ON a.role = held.account;
    UPDATE bhyt.participant p SET
        full_name = coalesce(tidy ->> 'full_name', p.full_name),
        birth_date = coalesce(bhyt.birth_day(tidy ->> 'birth_date'), p.birth_date),
        birth_year_only = coalesce(length(tidy ->> 'birth_date') = 4, p.birth_year_only),
        sex = coalesce(tidy ->> 'sex', p.sex),
        address = coalesce(tidy ->> 'address', p.address),
        id_no = coalesce(tidy ->> 'id_no', p.id_no),
        initial_care = coalesce(tidy ->> 'initial_care', p.initial_care)
     WHERE p.bhxh_no = person.bhxh_no;
    changed := bhyt.changed_fields(correction_id);
END
$$;

CREATE FUNCTION bhyt.changed_fields(correction_id bigint) RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(c.field ORDER BY c.field) FILTER (WHERE c.old_value IS DISTINCT FROM c.new_value), '{}')
      FROM bhyt.correction c WHERE c.id = correction_id
$$;

-- All or nothing. Repeating a call with the same key gives the record that is there (already = true); the same key
-- with other content, or of another person, is bad input.
CREATE FUNCTION bhyt.correct_holder(bhxh_no text, changes jsonb, idem text,
    OUT outcome text, OUT correction_id bigint, OUT changed text[], OUT already boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    used record;
    asked record;
    person bhyt.participant;
    before record;
BEGIN
    used := access.begin_use(correct_holder.bhxh_no);
    asked := bhyt.read_changes(changes, (used.held).fields);
    already := false;
    outcome := coalesce(used.refusal, CASE WHEN NOT bhyt.valid_idem(idem) THEN 'bad_input' END, asked.refusal);
    IF outcome IS NULL THEN
        -- the row lock makes two calls for one person wait for each other, so a key is never written twice
        SELECT * INTO person FROM bhyt.participant p WHERE p.bhxh_no = correct_holder.bhxh_no FOR UPDATE;
        SELECT min(c.id) AS id, min(c.bhxh_no) AS bhxh_no, jsonb_object_agg(c.field, c.new_value) AS content
          INTO before FROM bhyt.correction c WHERE c.idem = correct_holder.idem;
        outcome := CASE
            WHEN person.bhxh_no IS NULL THEN 'not_found'
            WHEN person.participation <> 'CHI_BHYT' THEN 'not_bhyt_only'
            WHEN before.id IS NOT NULL AND (before.bhxh_no <> person.bhxh_no OR before.content <> asked.tidy)
                THEN 'bad_input'
            ELSE 'ok' END;
    END IF;
    IF outcome = 'ok' THEN
        already := before.id IS NOT NULL;
        IF already THEN
            correction_id := before.id;
            changed := bhyt.changed_fields(before.id);
        ELSE
            SELECT w.correction_id, w.changed INTO correction_id, changed
              FROM bhyt.write_correction(used.held, person, asked.tidy, correct_holder.idem) w;
        END IF;
    END IF;
    PERFORM access.note_act(used.held, 'holder:correct', correct_holder.bhxh_no, outcome,
        jsonb_strip_nulls(jsonb_build_object('correction_id', correction_id, 'changed', to_jsonb(changed),
                                             'already', already)));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bhyt FROM PUBLIC;
