-- Somebody waits at a counter: the gate asks a new session's first question in one statement, and the opening runs
-- while the log is being signed.

CREATE OR REPLACE FUNCTION access.on_login() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    held text;
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    -- Only a managed role can have a lease: its account is a row of access.account.
    BEGIN
        SELECT l.lease_id INTO held FROM access.lease l
         WHERE l.account = session_user AND l.expires_at > clock_timestamp();
    EXCEPTION WHEN OTHERS THEN -- locked or damaged: an account stays outside, nobody else is locked out by it
        IF access.is_managed(session_user) THEN
            RAISE;
        END IF;
    END;
    IF held IS NOT NULL THEN
        INSERT INTO access.login (role, lease_id, pid, backend_start, client_addr, client_port, application_name)
        SELECT session_user, held, pg_backend_pid(), s.backend_start, inet_client_addr(), inet_client_port(),
               s.application_name
          FROM pg_stat_get_activity(pg_backend_pid()) s;
        RETURN;
    END IF;
    IF access.is_managed(session_user) THEN
        RAISE EXCEPTION 'accessctl: no open lease for account %', session_user USING ERRCODE = '28000';
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

CREATE OR REPLACE FUNCTION access.open_lease(
    account text, lease_id text, officer text, dossier text, subject bytea, subject_pads bytea, fields text[],
    remaining interval, receipt text, verifier text, service_now timestamptz,
    OUT outcome text, OUT opened_at timestamptz, OUT expires_at timestamptz, OUT host_now timestamptz)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET datestyle = 'ISO' AS $$
#variable_conflict use_column
DECLARE
    held access.lease;
    login pg_roles;
BEGIN
    -- The service commits once the log has its record; one that hangs instead holds nothing up for long. And a login
    -- that a crash forgot is no login: this commit need not be forced to disk.
    PERFORM set_config('idle_in_transaction_session_timeout', '1s', true), set_config('synchronous_commit', 'off', true);
    PERFORM access.lock_account(open_lease.account);
    host_now := clock_timestamp();
    SELECT * INTO login FROM pg_roles r WHERE r.rolname = open_lease.account;
    SELECT * INTO held FROM access.lease l WHERE l.account = open_lease.account;
    outcome := CASE
        WHEN abs(extract(epoch FROM host_now - service_now)) > 5 THEN 'clock_skew'
        WHEN NOT EXISTS (SELECT FROM access.account a WHERE a.role = open_lease.account)
            OR login.rolname IS NULL THEN 'account_missing'
        WHEN login.rolsuper OR login.rolcreaterole OR login.rolcreatedb OR login.rolreplication
            OR login.rolbypassrls THEN 'account_tampered'
        WHEN EXISTS (SELECT FROM access.lease_end e WHERE e.lease_id = open_lease.lease_id) THEN 'lease_ended'
        WHEN held.lease_id <> open_lease.lease_id THEN 'account_busy'
        WHEN held.lease_id IS NULL AND remaining <= interval '0' THEN 'lease_over'
        WHEN held.expires_at <= host_now THEN 'lease_over'
        WHEN EXISTS (SELECT FROM access.account_drift(open_lease.account)) THEN 'drift'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    IF held.lease_id IS NULL THEN
        held.opened_at := host_now;
        held.expires_at := host_now + remaining;
        INSERT INTO access.lease (account, lease_id, officer, dossier, subject, subject_pads, fields,
                                  opened_at, expires_at, receipt)
        VALUES (open_lease.account, open_lease.lease_id, open_lease.officer, open_lease.dossier,
                open_lease.subject, open_lease.subject_pads, open_lease.fields, held.opened_at,
                held.expires_at, open_lease.receipt);
    END IF;
    PERFORM access.reset_settings(open_lease.account);
    IF EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = login.oid) THEN
        RAISE EXCEPTION 'accessctl: settings of % could not be reset', open_lease.account USING ERRCODE = '42501';
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L VALID UNTIL %L CONNECTION LIMIT 2',
                   open_lease.account, verifier, held.expires_at);
    opened_at := held.opened_at;
    expires_at := held.expires_at;
END
$$;
