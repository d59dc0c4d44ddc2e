"""`python -m kitback.cli`, for when the command is not on the path."""

from kitback.cli import main

main()
