"""The office databases: the gate, lending an account, working under a lease, reading the witnesses."""
