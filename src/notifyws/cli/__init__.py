"""The command line: its commands, and how a process of ours begins and ends.

A command declares options, builds a request, runs a use case of the rooms below, and
hands what comes out to ``ui``. It decides nothing that the library cannot do as well,
and draws nothing itself. Nobody imports from here but the entry point:

- ``app``: the root, which mounts the commands and turns an error into words and a code;
- ``imports``: what a start is spared of what libraries import.
"""

__all__ = ["app", "imports"]
