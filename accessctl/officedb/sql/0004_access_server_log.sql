-- The server's own log, for the witness: bare *.json names in the log folder and nothing else. The witness never
-- has pg_read_file itself, which also reads pg_hba.conf and everyone's verifiers.

CREATE FUNCTION access.server_log_file(file text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF file IS NULL OR length(file) > 200 OR file !~ '^[A-Za-z0-9_-][A-Za-z0-9._-]*[.]json$' OR file ~ '[.][.]' THEN
        RAISE EXCEPTION 'accessctl: not the bare name of a JSON log file' USING ERRCODE = '22023';
    END IF;
    RETURN current_setting('log_directory') || '/' || file;
END
$$;

-- At most 4 MiB from a byte offset; an empty answer at or past the end; NULL when there is no such file.
CREATE FUNCTION access.server_log(file text, "offset" bigint, length bigint) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF "offset" IS NULL OR "offset" < 0 OR length IS NULL OR length < 0 THEN
        RAISE EXCEPTION 'accessctl: offset and length are whole numbers from 0' USING ERRCODE = '22023';
    END IF;
    RETURN pg_read_binary_file(access.server_log_file(file), "offset", least(length, 4194304), true);
END
$$;

CREATE FUNCTION access.server_log_files(OUT file text, OUT size bigint, OUT modified timestamptz)
RETURNS SETOF record LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.name, f.size, f.modification FROM pg_ls_logdir() f WHERE f.name ~ '^[A-Za-z0-9_-][A-Za-z0-9._-]*[.]json$' ORDER BY f.name
$$;

CREATE FUNCTION access.server_identity(OUT system_identifier bigint, OUT current_file text, OUT host_now timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.system_identifier, regexp_replace(pg_current_logfile('jsonlog'), '^.*/', ''), clock_timestamp()
      FROM pg_control_system() c
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
