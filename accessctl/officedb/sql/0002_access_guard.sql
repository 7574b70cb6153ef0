-- The gate: who may log in, and what every business function asks before it does anything.

CREATE FUNCTION access.is_managed(role_name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Never pg_has_role: it is true for the broker (admin of the marker) and for every superuser.
    SELECT EXISTS (SELECT FROM access.account a WHERE a.role = role_name)
        OR coalesce((SELECT NOT bool_or(m.admin_option)
                       FROM pg_auth_members m
                       JOIN pg_roles g ON g.oid = m.roleid
                       JOIN pg_roles u ON u.oid = m.member
                      WHERE u.rolname = role_name AND NOT u.rolsuper
                        AND g.rolname IN ('accessctl_managed', 'tkcl', 'tkhctt', 'local_cl', 'local_hc')), false)
$$;

CREATE FUNCTION access.own_backend_start() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.backend_start FROM pg_stat_get_activity(pg_backend_pid()) s
$$;

-- Runs at each login as accessctl_owner, whoever logs in. Managed roles without an open lease are refused although
-- the password is right. Nobody else is ever locked out: their row is skipped when it cannot be written.
CREATE FUNCTION access.on_login() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    held text;
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    -- Its own row first: the memberships cost a new backend 2 ms, and somebody waits at a counter.
    IF EXISTS (SELECT FROM access.account a WHERE a.role = session_user) OR access.is_managed(session_user) THEN
        SELECT l.lease_id INTO held FROM access.lease l
         WHERE l.account = session_user AND l.expires_at > clock_timestamp();
        IF held IS NULL THEN
            RAISE EXCEPTION 'accessctl: no open lease for account %', session_user USING ERRCODE = '28000';
        END IF;
        INSERT INTO access.login (role, lease_id, pid, backend_start, client_addr, client_port, application_name)
        VALUES (session_user, held, pg_backend_pid(), access.own_backend_start(), inet_client_addr(),
                inet_client_port(), current_setting('application_name'));
        RETURN;
    END IF;
    IF current_setting('transaction_read_only') = 'on' THEN
        RETURN;
    END IF;
    BEGIN
        INSERT INTO access.login (role, pid, backend_start, client_addr, client_port, application_name)
        VALUES (session_user, pg_backend_pid(), access.own_backend_start(), inet_client_addr(),
                inet_client_port(), current_setting('application_name'));
    EXCEPTION WHEN OTHERS THEN
        RAISE LOG 'accessctl: login of % not written: %', session_user, SQLERRM;
    END;
END
$$;

CREATE FUNCTION access.subject_hash(pads bytea, bhxh_no text) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- HMAC-SHA256 (RFC 2104) from its two padded key blocks of 64 bytes each.
    SELECT sha256(substr(pads, 65) || sha256(substr(pads, 1, 64) || convert_to(bhxh_no, 'UTF8')))
$$;

-- The open lease that this session may act under. Raises 42501 where the session itself is not to be trusted;
-- returns a row without expires_at when the lease is over, so that the refusal can be written down.
--   session_user, for SET ROLE changes only current_user · clock_timestamp(), for now() stands still in a transaction
--   · no row lock, for it would block the closing · read committed only, for an older snapshot still sees the lease
--   · a login row of this very backend, for a superuser's SET SESSION AUTHORIZATION has none.
CREATE FUNCTION access.require_lease() RETURNS access.lease
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held access.lease;
    used text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'accessctl: only read committed transactions may act under a lease' USING ERRCODE = '42501';
    END IF;
    SELECT l.lease_id INTO used FROM access.login l
     WHERE l.pid = pg_backend_pid() AND l.backend_start = access.own_backend_start()
       AND l.role = session_user AND l.lease_id IS NOT NULL;
    IF used IS NULL THEN
        RAISE EXCEPTION 'accessctl: this session did not log in under a lease' USING ERRCODE = '42501';
    END IF;
    SELECT * INTO held FROM access.lease l WHERE l.account = session_user AND l.lease_id = used;
    IF FOUND AND held.expires_at > clock_timestamp() THEN
        RETURN held;
    END IF;
    IF NOT FOUND THEN
        held.account := session_user;
        held.lease_id := used;
        SELECT e.officer, e.dossier INTO held.officer, held.dossier
          FROM access.lease_end e WHERE e.lease_id = used;
    END IF;
    held.expires_at := NULL;
    RETURN held;
END
$$;

-- One row per use in the caller's transaction, and one line in the server's log that no ROLLBACK takes back: who views
-- and then rolls back is seen all the same. The line is written without the statement, which may name the person.
CREATE FUNCTION access.note_act(held access.lease, action text, bhxh_no text, outcome text, detail jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET log_min_error_statement = 'panic' AS $$
DECLARE
    person bytea := CASE WHEN octet_length(bhxh_no) = 10 THEN access.subject_hash(held.subject_pads, bhxh_no) END;
BEGIN
    RAISE LOG 'accessctl act lease=% action=% outcome=% subject=%',
        held.lease_id, action, outcome, coalesce(encode(person, 'hex'), '-');
    INSERT INTO access.act (lease_id, officer, role, dossier, action, subject, outcome, detail, pid, backend_start)
    VALUES (held.lease_id, held.officer, session_user, held.dossier, action, person, outcome,
            coalesce(detail, '{}'), pg_backend_pid(), access.own_backend_start());
END
$$;

-- What every business function asks first: the lease, and why this person may not be touched under it (or NULL).
CREATE FUNCTION access.begin_use(bhxh_no text, OUT held access.lease, OUT refusal text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    held := access.require_lease();
    IF held.expires_at IS NULL THEN
        refusal := 'lease_over';
    ELSIF bhxh_no IS NULL OR octet_length(bhxh_no) <> 10 OR bhxh_no !~ '^[0-9]{10}$' THEN
        refusal := 'bad_input';
    ELSIF access.subject_hash(held.subject_pads, bhxh_no) IS DISTINCT FROM held.subject THEN
        refusal := 'wrong_subject';
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
