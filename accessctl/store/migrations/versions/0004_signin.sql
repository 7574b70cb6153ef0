-- Sign-in: second factors, recovery codes, one-time links, tokens.
SELECT;
