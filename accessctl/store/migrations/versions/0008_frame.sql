-- The frame of the console (issue 3). What a person reads in and sees first decides nothing: it is no right.
ALTER TABLE officer ADD COLUMN language TEXT;
ALTER TABLE officer ADD COLUMN shown_role TEXT;
-- The start pages count what was lent this month.
CREATE INDEX ix_lease_opened_at ON lease (opened_at);
