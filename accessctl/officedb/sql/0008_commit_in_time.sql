-- A change made while the lease ran must also be committed while it runs: otherwise BEGIN; act; … COMMIT after the end
-- would take effect with the service dead (alive, it ends the session). Asked once more at COMMIT, for changes only:
-- a look that was written down stays written down.

CREATE FUNCTION access.commit_in_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM access.lease l WHERE l.lease_id = NEW.lease_id AND l.expires_at > clock_timestamp()) THEN
        RAISE EXCEPTION 'accessctl: the lease ended before the commit; nothing was changed' USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER commit_in_time AFTER INSERT ON access.act
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.outcome = 'ok' AND NEW.action IN ('card:reissue', 'holder:correct'))
    EXECUTE FUNCTION access.commit_in_time();

REVOKE ALL ON FUNCTION access.commit_in_time() FROM PUBLIC;
