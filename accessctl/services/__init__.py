"""Use cases: each decides, changes and records. One module per noun."""
