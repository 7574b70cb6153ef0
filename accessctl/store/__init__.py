"""The service's own PostgreSQL: tables, the audit inbox and log, migrations."""
