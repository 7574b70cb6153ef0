-- People and offices: proposed roles, transfers, revisions.
SELECT;
