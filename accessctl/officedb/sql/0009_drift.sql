-- What an account may do, compared with what the policy gives its kind (policy.md §4). The shared catalogue of
-- dependencies knows every ACL and every ownership that names a role, in every database of the server and whoever
-- granted it; information_schema hides the grants of others.

CREATE TABLE access.wanted (
    kind       text NOT NULL,
    signature  text NOT NULL,
    PRIMARY KEY (kind, signature)
);

-- How to take back everything that a role was given on an object; NULL where a person has to look.
CREATE FUNCTION access.revocation(classid oid, objid oid, role_name name) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'REVOKE ALL ON ' || place || format(' FROM %I CASCADE', role_name) FROM (SELECT CASE classid
        WHEN 'pg_class'::regclass THEN (SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
                                            || c.oid::regclass::text FROM pg_class c WHERE c.oid = objid)
        WHEN 'pg_proc'::regclass THEN 'FUNCTION ' || objid::regprocedure::text
        WHEN 'pg_namespace'::regclass THEN 'SCHEMA ' || objid::regnamespace::text
        WHEN 'pg_type'::regclass THEN 'TYPE ' || objid::regtype::text
        WHEN 'pg_largeobject'::regclass THEN 'LARGE OBJECT ' || objid::text
        WHEN 'pg_database'::regclass THEN (SELECT format('DATABASE %I', d.datname) FROM pg_database d WHERE d.oid = objid)
        END AS place) found WHERE place IS NOT NULL
$$;

-- Every deviation of one account and of the group that carries its rights in this database; none is the good answer.
-- It runs as the owner, for broker and witness may not even name what lies in bhyt.
-- what: attribute, grant, owner, membership, member, missing.
CREATE FUNCTION access.account_drift(account text)
RETURNS TABLE (role_name text, what text, object text, repair text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$ -- planned once a connection: each check-out asks
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH me AS (
        SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
               g.oid AS grp, g.rolname AS grpname, a.kind, d.oid AS db
          FROM access.account a
          JOIN pg_roles r ON r.rolname = a.role
          JOIN pg_roles g ON g.rolname = lower(a.kind)
          JOIN pg_database d ON d.datname = current_database()
         WHERE a.role = account_drift.account
    ), functions AS (
        SELECT to_regprocedure(w.signature)::oid AS oid, w.signature FROM access.wanted w JOIN me ON w.kind = me.kind
    ), holders AS (
        SELECT me.oid, me.rolname FROM me UNION ALL SELECT me.grp, me.grpname FROM me
    )
    SELECT me.rolname::text, 'attribute', 'SUPERUSER/CREATEROLE/CREATEDB/REPLICATION/BYPASSRLS',
           format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS', me.rolname)
      FROM me WHERE me.rolsuper OR me.rolcreaterole OR me.rolcreatedb OR me.rolreplication OR me.rolbypassrls
    UNION ALL
    SELECT h.rolname::text, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'grant' END,
           CASE WHEN d.dbid IN (0, me.db) THEN pg_describe_object(d.classid, d.objid, d.objsubid)
                ELSE 'database ' || (SELECT o.datname FROM pg_database o WHERE o.oid = d.dbid) END,
           CASE WHEN d.deptype = 'a' AND d.dbid IN (0, me.db)
                THEN access.revocation(d.classid, d.objid, h.rolname) END
      FROM me, holders h
      JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = h.oid
     WHERE NOT (d.deptype = 'a' AND (
               (h.oid = me.oid AND d.classid = 'pg_database'::regclass AND d.objid = me.db)
            OR (h.oid = me.grp AND d.dbid <> me.db AND d.dbid <> 0) -- another office of this server: looked at there
            OR (h.oid = me.grp AND d.classid = 'pg_proc'::regclass AND d.objid IN (SELECT f.oid FROM functions f))
            OR (h.oid = me.grp AND d.classid = 'pg_namespace'::regclass AND d.objid = 'bhyt'::regnamespace)))
    UNION ALL
    SELECT me.rolname::text, 'grant', format('%s on database %s', a.privilege_type, current_database()),
           format('REVOKE %s ON DATABASE %I FROM %I', CASE WHEN a.privilege_type = 'CONNECT'
                  THEN 'GRANT OPTION FOR CONNECT' ELSE a.privilege_type END, current_database(), me.rolname)
      FROM me JOIN pg_database d ON d.oid = me.db, aclexplode(d.datacl) a
     WHERE a.grantee = me.oid AND (a.privilege_type <> 'CONNECT' OR a.is_grantable)
    UNION ALL
    SELECT me.grpname::text, 'grant', format('%s on schema bhyt', a.privilege_type),
           format('REVOKE %s ON SCHEMA bhyt FROM %I', a.privilege_type, me.grpname)
      FROM me JOIN pg_namespace n ON n.nspname = 'bhyt', aclexplode(n.nspacl) a
     WHERE a.grantee = me.grp AND (a.privilege_type <> 'USAGE' OR a.is_grantable)
    UNION ALL
    SELECT h.rolname::text, 'membership', g.rolname::text,
           format('REVOKE %I FROM %I GRANTED BY %I', g.rolname, h.rolname, m.grantor::regrole)
      FROM me, holders h
      JOIN pg_auth_members m ON m.member = h.oid
      JOIN pg_roles g ON g.oid = m.roleid
     WHERE NOT (h.oid = me.oid AND g.oid = me.grp AND m.inherit_option AND NOT m.set_option AND NOT m.admin_option)
       AND NOT (h.oid = me.oid AND g.rolname = 'accessctl_managed'
                AND NOT m.inherit_option AND NOT m.set_option AND NOT m.admin_option)
    UNION ALL
    SELECT me.rolname::text, 'member', u.rolname::text,
           format('REVOKE %I FROM %I GRANTED BY %I', me.rolname, u.rolname, m.grantor::regrole)
      FROM me JOIN pg_auth_members m ON m.roleid = me.oid JOIN pg_roles u ON u.oid = m.member
     WHERE NOT (u.rolname = 'accessctl_broker' AND m.admin_option AND NOT m.inherit_option AND NOT m.set_option)
    UNION ALL
    SELECT me.grpname::text, 'missing', f.signature, format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, me.grpname)
      FROM me, functions f
     WHERE NOT EXISTS (SELECT FROM pg_proc p, aclexplode(p.proacl) a
                        WHERE p.oid = f.oid AND a.grantee = me.grp AND a.privilege_type = 'EXECUTE')
    UNION ALL
    SELECT me.rolname::text, 'missing', me.grpname::text,
           format('GRANT %I TO %I WITH INHERIT TRUE, SET FALSE', me.grpname, me.rolname)
      FROM me WHERE NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = me.oid AND m.roleid = me.grp);
END
$$;

REVOKE ALL ON FUNCTION access.revocation(oid, oid, name), access.account_drift(text) FROM PUBLIC;
