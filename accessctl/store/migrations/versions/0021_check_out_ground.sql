-- What a check-out is decided on, read in one trip under the locks of its officer and its account. Every statement of
-- such a function sees what was committed before it began, so the facts are those after the wait for the lock: one
-- statement would see what was before it.

CREATE FUNCTION check_out_ground(
    its_account TEXT, its_dossier TEXT, its_officer BIGINT, hold_officer BOOLEAN, busy TEXT[], asked_at TIMESTAMPTZ)
RETURNS JSONB LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    lent account;
    borrower RECORD;
BEGIN
    IF hold_officer THEN
        SELECT o.version, o.left_at INTO borrower FROM officer o WHERE o.id = its_officer FOR KEY SHARE;
    ELSE
        SELECT o.version, o.left_at INTO borrower FROM officer o WHERE o.id = its_officer;
    END IF;
    SELECT a.* INTO lent FROM account a WHERE a.name = its_account FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT jsonb_build_object(
            'version', borrower.version,
            'left', borrower.left_at IS NOT NULL,
            'state', lent.state,
            'why', lent.reason,
            'epoch', lent.epoch,
            'guest', jsonb_build_object('code', guest.code, 'name', guest.name, 'hours', guest.hours),
            'host_name', host.name,
            'host_policy', host.policy_version,
            'in_force_since', (SELECT p.effective_from FROM province p LIMIT 1),
            'in_custody', EXISTS (SELECT FROM custody c WHERE c.office_code = lent.guest AND c.kind = lent.kind
                                     AND c.period @> asked_at),
            'taken', EXISTS (SELECT FROM lease l WHERE l.account_name = lent.name AND l.state = ANY (busy)),
            'earlier', ARRAY(SELECT l.account_name FROM lease l WHERE l.dossier = its_dossier
                                AND l.officer_id = its_officer AND l.opened_at IS NOT NULL),
            'rule', (SELECT jsonb_build_object('officers', r.officers, 'days', r.days, 'spans', r.spans,
                                               'per_day', r.per_day)
                       FROM standing_rule r WHERE r.office_code = lent.guest AND r.kind = lent.kind
                      ORDER BY r.version DESC LIMIT 1))
          FROM office guest JOIN office host ON host.code = lent.host
         WHERE guest.code = lent.guest);
END
$$;
REVOKE EXECUTE ON FUNCTION check_out_ground(TEXT, TEXT, BIGINT, BOOLEAN, TEXT[], TIMESTAMPTZ) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_out_ground(TEXT, TEXT, BIGINT, BOOLEAN, TEXT[], TIMESTAMPTZ) TO accessctl_app;
