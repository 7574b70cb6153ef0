-- Custody: standing rules, approvals, the published contact list and its receipts.
SELECT;
