-- Notices: in the page and by mail.
SELECT;
