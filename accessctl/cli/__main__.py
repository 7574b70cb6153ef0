"""`python -m accessctl.cli`."""

from accessctl.cli import main

main()
