"""From the policy files to decisions with a reason, and to the rights a database should have."""
