-- The first free account of an office's own pool, however many thousands it holds, and its shared accounts without them.

CREATE INDEX ix_account_pool ON account (guest, kind, state, name);
