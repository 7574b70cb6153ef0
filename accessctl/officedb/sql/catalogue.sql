-- Everything in the catalogues that says who may do what in this database: one statement, so one snapshot and one
-- round trip. Read by the witness, who may see the catalogues but may name nothing of bhyt; so everything is named by
-- joins. Parameters: service, the roles of the service; elsewhere, the accounts of other offices on this server.
-- Columns: fact, role, class, object, part, privilege, options, grantor, owner, note (catalogue.Fact).
WITH here AS (
    SELECT d.oid, d.datname, d.datdba FROM pg_database d WHERE d.datname = current_database()
), mine AS (
    SELECT r.oid, r.rolname, a.kind FROM access.account a JOIN pg_roles r ON r.rolname = a.role
), ours AS (
    SELECT m.oid, m.rolname FROM mine m
    UNION SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = ANY (%(service)s) OR r.rolname = ANY (%(elsewhere)s)
), owner AS (
    SELECT r.oid FROM pg_roles r WHERE r.rolname = 'accessctl_owner'
), space AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl, n.nspname IN ('access', 'bhyt') AS guarded,
           n.nspname ~ '^pg_' OR n.nspname = 'information_schema' AS system
      FROM pg_namespace n
), function AS (
    SELECT p.oid, p.proowner, p.proacl, p.prosecdef, p.proconfig, s.guarded, s.system, s.nspname, p.proname,
           quote_ident(s.nspname) || '.' || quote_ident(p.proname) || '(' || coalesce((SELECT string_agg(
               format_type(t, NULL), ',' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY g (t, n)), '') || ')' AS name
      FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
     WHERE NOT s.system OR p.proacl IS NOT NULL
        OR (s.nspname = 'pg_catalog' AND p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea'))
), relation AS (
    SELECT c.oid, c.relowner, c.relacl, s.guarded, s.system, s.nspname, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS class,
           quote_ident(s.nspname) || '.' || quote_ident(c.relname) AS name
      FROM pg_class c JOIN space s ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND (NOT s.system OR c.relacl IS NOT NULL)
), kind AS (
    SELECT t.oid, t.typowner, t.typacl, s.guarded, quote_ident(s.nspname) || '.' || quote_ident(t.typname) AS name,
           t.typtype IN ('d', 'e', 'r', 'b') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
               AS free
      FROM pg_type t JOIN space s ON s.oid = t.typnamespace WHERE NOT s.system AND t.typelem = 0
), thing (class, object, part, guarded, owner, acl, initial) AS (
    SELECT 'database', quote_ident(d.datname), NULL::text, false, d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)), NULL::aclitem[]
      FROM pg_database d
    UNION ALL SELECT 'schema', quote_ident(s.nspname), NULL, s.guarded, s.nspowner, s.nspacl, NULL FROM space s WHERE NOT s.system
    UNION ALL SELECT r.class, r.name, NULL, r.guarded, r.relowner, r.relacl,
           CASE WHEN r.nspname = 'information_schema' THEN ARRAY[makeaclitem(0, r.relowner, 'SELECT', false)]
                WHEN r.system THEN i.initprivs END
      FROM relation r LEFT JOIN pg_init_privs i ON i.objoid = r.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0
     WHERE r.relacl IS NOT NULL
    UNION ALL SELECT 'table', r.name, quote_ident(a.attname), r.guarded, r.relowner, a.attacl, i.initprivs
      FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid
      LEFT JOIN pg_init_privs i ON r.system AND i.objoid = r.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = a.attnum
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL SELECT 'table', quote_ident(s.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname), false, c.relowner,
           a.attacl, i.initprivs
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relacl IS NULL
      JOIN space s ON s.oid = c.relnamespace AND s.system
      LEFT JOIN pg_init_privs i ON i.objoid = c.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = a.attnum
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL SELECT 'function', f.name, NULL, f.guarded, f.proowner, coalesce(f.proacl, acldefault('f', f.proowner)),
           CASE WHEN NOT f.system OR f.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea') THEN NULL::aclitem[]
                ELSE coalesce(i.initprivs, acldefault('f', f.proowner)) END
      FROM function f LEFT JOIN pg_init_privs i ON i.objoid = f.oid AND i.classoid = 'pg_proc'::regclass
    UNION ALL SELECT 'type', k.name, NULL, k.guarded, k.typowner, k.typacl, NULL FROM kind k WHERE k.typacl IS NOT NULL
    UNION ALL SELECT 'language', quote_ident(l.lanname), NULL, false, l.lanowner, l.lanacl, NULL
      FROM pg_language l WHERE l.lanacl IS NOT NULL
    UNION ALL SELECT 'foreign data wrapper', quote_ident(w.fdwname), NULL, false, w.fdwowner, w.fdwacl, NULL
      FROM pg_foreign_data_wrapper w WHERE w.fdwacl IS NOT NULL
    UNION ALL SELECT 'foreign server', quote_ident(f.srvname), NULL, false, f.srvowner, f.srvacl, NULL
      FROM pg_foreign_server f WHERE f.srvacl IS NOT NULL
    UNION ALL SELECT 'tablespace', quote_ident(t.spcname), NULL, false, t.spcowner, t.spcacl, NULL
      FROM pg_tablespace t WHERE t.spcacl IS NOT NULL
    UNION ALL SELECT 'parameter', p.parname, NULL, false, 10::oid, p.paracl, NULL FROM pg_parameter_acl p
    UNION ALL SELECT 'large object', l.oid::text, NULL, false, l.lomowner, l.lomacl, NULL
      FROM pg_largeobject_metadata l WHERE l.lomacl IS NOT NULL
), future (class, role, space, acl, initial) AS (
    SELECT d.defaclobjtype, d.defaclrole, d.defaclnamespace, d.defaclacl,
           CASE WHEN d.defaclnamespace = 0 AND (d.defaclobjtype = 'T' OR d.defaclobjtype = 'f' AND d.defaclrole NOT IN (
                SELECT oid FROM owner)) THEN acldefault(d.defaclobjtype, d.defaclrole) ELSE NULL::aclitem[] END
      FROM pg_default_acl d
    UNION ALL SELECT 'f', o.oid, 0::oid, acldefault('f', o.oid), NULL::aclitem[] FROM owner o
     WHERE NOT EXISTS (SELECT FROM pg_default_acl d WHERE d.defaclrole = o.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f')
)
SELECT 'account' AS fact, m.rolname::text AS role, m.kind AS class, '' AS object, NULL::text AS part, '' AS privilege,
       '' AS options, '' AS grantor, '' AS owner, '' AS note FROM mine m
UNION ALL
SELECT 'here', '', '', quote_ident(h.datname), NULL, '', '', '', '', h.datname::text FROM here h
UNION ALL
SELECT 'database', '', '', quote_ident(d.datname), NULL, '', '', '', '', d.datname::text FROM pg_database d
UNION ALL
SELECT 'written', '', w.kind, w.signature, NULL, '', '', '', '', '' FROM access.wanted w
UNION ALL
-- Rights: of PUBLIC and of our roles on anything, of anybody on what is guarded; what a superuser has he has anyway.
SELECT 'right', coalesce(g.rolname, 'PUBLIC'), t.class, t.object, t.part, a.privilege_type,
       CASE WHEN a.is_grantable THEN 'grant' ELSE '' END, a.grantor::regrole::text, t.owner::regrole::text,
       CASE WHEN a.grantee = 0 OR a.grantee IN (SELECT oid FROM ours) THEN ''
            WHEN g.rolcanlogin OR EXISTS (SELECT FROM pg_roles u WHERE u.rolcanlogin AND NOT u.rolsuper
                                             AND pg_has_role(u.oid, g.oid, 'MEMBER')) THEN 'login' ELSE 'foreign' END
  FROM thing t CROSS JOIN aclexplode(t.acl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
 WHERE a.grantee <> t.owner
   AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM ours) OR t.guarded AND NOT g.rolsuper)
   AND NOT EXISTS (SELECT FROM aclexplode(t.initial) i WHERE i.grantee = a.grantee
                      AND i.privilege_type = a.privilege_type AND i.is_grantable >= a.is_grantable)
UNION ALL
-- What the owner of a guarded thing was deprived of.
SELECT 'lacks', w.grantee::regrole::text, t.class, t.object, t.part, w.privilege_type, '', '', '', ''
  FROM thing t CROSS JOIN LATERAL aclexplode(acldefault(CASE t.class WHEN 'schema' THEN 'n' WHEN 'table' THEN 'r'
       WHEN 'sequence' THEN 's' WHEN 'function' THEN 'f' ELSE 'T' END::"char", t.owner)) w
 WHERE t.guarded AND t.part IS NULL AND t.acl IS NOT NULL AND w.grantee = t.owner AND t.owner IN (SELECT oid FROM owner)
   AND NOT EXISTS (SELECT FROM aclexplode(t.acl) a WHERE a.grantee = t.owner AND a.privilege_type = w.privilege_type)
UNION ALL
SELECT 'future', coalesce(g.rolname, 'PUBLIC'), CASE f.class WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
       WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END, f.role::regrole::text,
       CASE WHEN f.space <> 0 THEN quote_ident(s.nspname) END, a.privilege_type,
       CASE WHEN a.is_grantable THEN 'grant' ELSE '' END, '', '', ''
  FROM future f CROSS JOIN aclexplode(f.acl) a LEFT JOIN pg_roles g ON g.oid = a.grantee LEFT JOIN space s ON s.oid = f.space
 WHERE a.grantee <> f.role AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM ours) OR s.guarded)
   AND NOT EXISTS (SELECT FROM aclexplode(f.initial) i WHERE i.grantee = a.grantee AND i.privilege_type = a.privilege_type)
UNION ALL
SELECT 'member', u.rolname, '', g.rolname, NULL, '', concat_ws(' ', CASE WHEN m.admin_option THEN 'admin' END,
       CASE WHEN m.inherit_option THEN 'inherit' END, CASE WHEN m.set_option THEN 'set' END), m.grantor::regrole::text, '',
       CASE WHEN u.rolsuper THEN 'super' WHEN u.rolcanlogin THEN 'login' ELSE '' END
  FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
 WHERE m.member IN (SELECT oid FROM ours) OR m.roleid IN (SELECT oid FROM ours)
UNION ALL
SELECT 'role', r.rolname, '', '', NULL, '', concat_ws(' ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
       CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
       CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
       CASE WHEN r.rolcanlogin THEN 'LOGIN' END), '', '',
       -- A lease lasts for an hour at most: a login without an end nobody lent.
       CASE WHEN r.rolvaliduntil IS NULL OR r.rolvaliduntil > clock_timestamp() + interval '61 minutes' THEN 'endless' ELSE '' END
       || ' ' || r.rolconnlimit
  FROM pg_roles r WHERE r.oid IN (SELECT oid FROM ours)
UNION ALL
SELECT 'setting', coalesce(r.rolname, ''), coalesce(quote_ident(d.datname), ''), split_part(c, '=', 1), NULL, '',
       coalesce((SELECT p.context FROM pg_settings p WHERE lower(p.name) = lower(split_part(c, '=', 1))), 'unknown'), '', '',
       substr(c, strpos(c, '=') + 1)
  FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
  LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
 WHERE s.setrole IN (SELECT oid FROM ours) OR s.setrole = 0 AND s.setdatabase IN (SELECT 0 UNION SELECT oid FROM here)
UNION ALL
-- Whose the guarded things are.
SELECT 'thing', '', x.class, x.object, NULL, '', x.note, '', x.owner::regrole::text, x.setting FROM (
    SELECT 'schema' AS class, quote_ident(s.nspname) AS object, s.nspowner AS owner, '' AS note, '' AS setting
      FROM space s WHERE s.guarded
    UNION ALL SELECT r.class, r.name, r.relowner, '', '' FROM relation r WHERE r.guarded
    UNION ALL SELECT 'type', k.name, k.typowner, '', '' FROM kind k WHERE k.guarded AND k.free
    UNION ALL SELECT 'function', f.name, f.proowner, CASE WHEN f.prosecdef THEN 'definer' ELSE '' END,
           coalesce((SELECT c FROM unnest(f.proconfig) c WHERE c ~ '^search_path='), '')
      FROM function f WHERE f.guarded) x
UNION ALL
-- What our roles own or may do where none of ours should be: elsewhere in this database, or in another one.
SELECT DISTINCT 'holds', o.rolname::text, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'right' END,
       CASE WHEN d.dbid IN (0, h.oid) THEN pg_describe_object(d.classid, d.objid, d.objsubid) ELSE '' END, NULL, '', '', '', '',
       CASE WHEN d.dbid IN (0, h.oid) THEN '' ELSE (SELECT p.datname FROM pg_database p WHERE p.oid = d.dbid) END
  FROM here h CROSS JOIN pg_shdepend d JOIN ours o ON o.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
 WHERE (d.deptype = 'o' OR d.deptype = 'a' AND d.dbid NOT IN (0, h.oid)) AND d.classid <> 'pg_default_acl'::regclass
   AND NOT (d.dbid IN (0, h.oid) AND (d.classid = 'pg_namespace'::regclass AND d.objid IN (SELECT s.oid FROM space s WHERE s.guarded)
            OR EXISTS (SELECT FROM pg_identify_object(d.classid, d.objid, d.objsubid) i WHERE i.schema IN ('access', 'bhyt'))))
UNION ALL
SELECT 'trigger', '', '', 'accessctl_login', NULL, '', CASE WHEN EXISTS (SELECT FROM pg_event_trigger t
         JOIN pg_proc p ON p.oid = t.evtfoid AND p.proname = 'on_login' AND p.proowner IN (SELECT oid FROM owner)
         JOIN space s ON s.oid = p.pronamespace AND s.nspname = 'access'
        WHERE t.evtname = 'accessctl_login' AND t.evtevent = 'login' AND t.evtenabled = 'A') THEN '' ELSE 'off' END, '', '', ''
UNION ALL
SELECT 'trigger', '', '', 'event_triggers', NULL, '', 'off', '', '', ''
  FROM pg_settings p WHERE p.name = 'event_triggers' AND p.setting = 'off' AND p.source !~ '^(database|user|session|client)'
UNION ALL
SELECT 'trigger', '', r.name, quote_ident(t.tgname), NULL, '', 'off', '', '', ''
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid AND r.guarded WHERE t.tgenabled NOT IN ('O', 'A')
UNION ALL
-- The second look: not who was given what, but what each account can in effect.
SELECT 'effect', m.rolname::text, r.class, r.name, NULL, 'any', '', '', '', ''
  FROM mine m CROSS JOIN relation r
 WHERE NOT r.system AND CASE r.class WHEN 'sequence' THEN has_sequence_privilege(m.oid, r.oid, 'USAGE,SELECT,UPDATE')
       ELSE has_table_privilege(m.oid, r.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN')
         OR has_any_column_privilege(m.oid, r.oid, 'SELECT,INSERT,UPDATE,REFERENCES') END
UNION ALL
SELECT 'effect', m.rolname::text, 'function', f.name, NULL, 'EXECUTE', '', '', '', ''
  FROM mine m CROSS JOIN function f
 WHERE (NOT f.system OR f.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'pg_read_file', 'pg_read_binary_file'))
   AND has_function_privilege(m.oid, f.oid, 'EXECUTE')
UNION ALL
SELECT 'effect', m.rolname::text, 'schema', quote_ident(s.nspname), NULL, p.word, '', '', '', ''
  FROM mine m CROSS JOIN space s CROSS JOIN (VALUES ('USAGE'), ('CREATE')) p (word)
 WHERE NOT s.system AND has_schema_privilege(m.oid, s.oid, p.word)
UNION ALL
SELECT 'effect', m.rolname::text, 'database', quote_ident(d.datname), NULL, p.word, '', '', '', ''
  FROM mine m CROSS JOIN pg_database d CROSS JOIN (VALUES ('CONNECT'), ('CREATE'), ('TEMPORARY')) p (word)
 WHERE has_database_privilege(m.oid, d.oid, p.word)
