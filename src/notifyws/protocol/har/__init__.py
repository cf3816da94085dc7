"""A profile out of a browser's recording: what a HAR shows of how a server speaks.

Pure: text in, text out. ``recording`` reads the file, ``secrets`` knows what in it is
nobody's business, and what of a login is anybody's, ``values`` what a value is, also in
GraphQL, and which answer gave it first; ``sockets``, ``login_steps`` and
``conversation`` say what was done, ``variables`` writes it as templates and ``tables``
as tables, and ``profile_draft`` is the whole.

Nothing of a recording is in a draft but names, paths, and short words that are no
secret: a value that may be one is a variable, or left out.
"""
