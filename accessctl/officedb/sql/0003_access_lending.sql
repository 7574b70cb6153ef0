-- Opening, renewing and closing, called by the broker with the broker's own rights (SECURITY INVOKER): one round
-- trip and one transaction each. What may be refused comes back as an outcome; the service words it.

-- Opening and closing of one account wait for each other here: without it a held-up worker could reopen what was
-- closed a moment ago. A row that no account can reach, for advisory locks are open to everybody.
CREATE FUNCTION access.lock_account(account text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT FROM access.account a WHERE a.role = account FOR NO KEY UPDATE
$$;

CREATE FUNCTION access.open_lease(
    account text, lease_id text, officer text, dossier text, subject bytea, subject_pads bytea, fields text[],
    remaining interval, receipt text, verifier text, service_now timestamptz,
    OUT outcome text, OUT opened_at timestamptz, OUT expires_at timestamptz, OUT host_now timestamptz)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET datestyle = 'ISO' AS $$
#variable_conflict use_column
DECLARE
    held access.lease;
    login pg_roles;
BEGIN
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

-- A role may set its own session defaults; they would outlive the lease and break the next one.
-- Answers whether there were any.
CREATE FUNCTION access.reset_settings(account text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text;
    had boolean := false;
BEGIN
    FOR place IN
        SELECT coalesce(d.datname, '') FROM pg_db_role_setting s
          JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = account
          LEFT JOIN pg_database d ON d.oid = s.setdatabase
    LOOP
        had := true;
        IF place = '' THEN
            EXECUTE format('ALTER ROLE %I RESET ALL', account);
        ELSE
            EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', account, place);
        END IF;
    END LOOP;
    RETURN had;
END
$$;

-- Ends one lease. Touches the role only when no other lease has it by now; a role that is gone counts as closed.
CREATE FUNCTION access.close_lease(account text, lease_id text, reason text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
#variable_conflict use_column
DECLARE
    held access.lease;
BEGIN
    PERFORM access.lock_account(close_lease.account);
    SELECT * INTO held FROM access.lease l WHERE l.account = close_lease.account;
    INSERT INTO access.lease_end (lease_id, account, officer, dossier, reason, opened_at)
    SELECT close_lease.lease_id, close_lease.account, mine.officer, mine.dossier, close_lease.reason, mine.opened_at
      FROM (SELECT 1) one
      LEFT JOIN access.lease mine ON mine.lease_id = close_lease.lease_id
        ON CONFLICT DO NOTHING;
    IF held.lease_id <> close_lease.lease_id THEN
        RETURN 'other_lease';
    END IF;
    DELETE FROM access.lease l WHERE l.account = close_lease.account;
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = close_lease.account) THEN
        RETURN 'role_missing';
    END IF;
    IF access.reset_settings(close_lease.account) THEN
        UPDATE access.lease_end e SET changed = true WHERE e.lease_id = close_lease.lease_id;
    END IF;
    EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', close_lease.account);
    RETURN 'closed';
END
$$;

CREATE FUNCTION access.renew_lease(lease_id text, remaining interval, service_now timestamptz,
    OUT outcome text, OUT opened_at timestamptz, OUT expires_at timestamptz, OUT host_now timestamptz)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' SET datestyle = 'ISO' AS $$
#variable_conflict use_column
DECLARE
    held access.lease;
BEGIN
    host_now := clock_timestamp();
    IF abs(extract(epoch FROM host_now - service_now)) > 5 THEN
        outcome := 'clock_skew';
        RETURN;
    END IF;
    UPDATE access.lease l SET expires_at = host_now + remaining
     WHERE l.lease_id = renew_lease.lease_id AND l.expires_at > host_now
       AND remaining > interval '0'
    RETURNING * INTO held;
    IF held.lease_id IS NULL THEN
        outcome := 'lease_over';
        RETURN;
    END IF;
    EXECUTE format('ALTER ROLE %I VALID UNTIL %L', held.account, held.expires_at);
    outcome := 'ok';
    opened_at := held.opened_at;
    expires_at := held.expires_at;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
