-- Filters of the journal that walked the whole log when what was asked for was rare or not there: an event of one office,
-- of one person, of one kind. Each of these indexes holds exactly such a pair, in the order of the log.
CREATE INDEX ix_audit_index_event_guest ON audit_index (event, guest, idx);
CREATE INDEX ix_audit_index_event_host ON audit_index (event, host, idx);
CREATE INDEX ix_audit_index_event_office ON audit_index (event, office, idx);
CREATE INDEX ix_audit_index_event_kind ON audit_index (event, kind, idx);
CREATE INDEX ix_audit_index_event_actor ON audit_index (event, actor, idx);
-- A hundred pairs, the usual number, are fewer than there are: one that is not listed counts as frequent.
ALTER STATISTICS audit_index_guest_host SET STATISTICS 1000;
ALTER STATISTICS audit_index_guest_event SET STATISTICS 1000;
ALTER STATISTICS audit_index_host_event SET STATISTICS 1000;
ALTER STATISTICS audit_index_kind_event SET STATISTICS 1000;
ALTER STATISTICS audit_index_actor_event SET STATISTICS 1000;
ALTER STATISTICS audit_index_actor_guest SET STATISTICS 1000;
ALTER STATISTICS audit_index_office_guest SET STATISTICS 1000;
ALTER STATISTICS audit_index_event_outcome SET STATISTICS 1000;
-- What IT reads. The planner matches statistics over an expression with a comparison, not with a bare IS NULL.
CREATE STATISTICS audit_index_plain (mcv) ON kind, guest, host, (CASE WHEN dossier IS NULL THEN 1 ELSE 0 END)
    FROM audit_index;
ALTER STATISTICS audit_index_plain SET STATISTICS 1000;
