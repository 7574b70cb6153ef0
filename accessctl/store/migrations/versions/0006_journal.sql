-- Journal and findings: saved searches, owners of findings.
SELECT;
