"""How a server speaks: driven by a profile's data, and pure.

Nothing here knows a socket, a file, a clock, an event loop or a die; what these give
comes in as a value. ``loader`` alone reads files. Below are ``config`` and the values
(``models``, ``errors``); nobody above is known. Others may import:

- ``arrivals``: what may arrive in a frame, as values
- ``composer``: messages as frames
- ``cursor``: where a listener stands in a server's history, and asks to go on; and so
  whether a notification is new
- ``deduplicator``: what makes a duplicate
- ``draft``: a first profile, guessed from a sample frame
- ``expressions``: JMESPath, of profiles and of options
- ``failures``: which closes, HTTP statuses and answers mean what (tables)
- ``field_mapping``: notifications out of a value
- ``frames``: frames as values
- ``har``: a profile out of what a browser recorded
- ``handshake``: what is said before a socket counts as connected
- ``loader``: finds and reads a profile
- ``masking``: others' words without secrets
- ``places``: where streams stand that a server numbers by itself, and which of its
  values can be said to it again
- ``oauth``: OAuth's grants as HTTP steps
- ``profile``: the model of a profile
- ``profile_schema``: its JSON Schema, and its check by pydantic
- ``profile_text``: a profile's TOML, checked, its mistakes shown where they are
- ``recorder``: what is recorded of a server, without secrets
- ``rules``: what a frame means
- ``since``: beginning at a time
- ``templates``: ``{name}`` filled with what is known
- ``token_replies``: which tokens an answer holds, and for how long
- ``unseen``: what of a text vanishes where it is shown
- ``upgrade``: URL, headers and first frames of a socket
"""

__all__ = [
    "arrivals",
    "composer",
    "cursor",
    "deduplicator",
    "draft",
    "expressions",
    "failures",
    "field_mapping",
    "frames",
    "handshake",
    "har",
    "loader",
    "masking",
    "oauth",
    "places",
    "profile",
    "profile_schema",
    "profile_text",
    "recorder",
    "rules",
    "since",
    "templates",
    "token_replies",
    "unseen",
    "upgrade",
]
