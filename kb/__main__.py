"""`python -m kb`: the same as `kb`."""

from kb.cli import main

main()
