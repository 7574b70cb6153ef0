-- Evidence is found again by what is asked of it, however long the history has grown.
CREATE INDEX ix_login_lease_id ON login (lease_id);
CREATE INDEX ix_login_waiting ON login (at) WHERE matched IS NULL AND source = 'log' AND outcome = 'ok';
