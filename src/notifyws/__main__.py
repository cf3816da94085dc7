"""Lets ``python -m notifyws`` be the command."""

from notifyws.cli import main

main()
