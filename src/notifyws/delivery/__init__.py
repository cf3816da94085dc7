"""From a frame to whoever gets it: handlers, iterations, the screen, and sinks.

The room owns what happens to a notification once it arrived: whether it is new and
wanted, what lies in a gap, the queue before whoever shows it, the outbox before its
sinks, retries and dead letters; and the way out, sending. It must not know how
connections are kept, how anything looks, or which command was given. One direction:
nothing here makes the reader of the socket wait, and whoever is slow waits behind a
bounded queue of its own.

- ``build``: receiver and outbox, made from settings and profile.
- ``build_sinks``: the sinks that are asked for.
- ``dead_letters``: the file of what no sink took, and its replay.
- ``dispatcher``: calls handlers and feeds iterations.
- ``durable_listener``: where a named listener stands, here and in the shared cache.
- ``filters``: which notifications are wanted, and when there were enough of them.
- ``message_input``: messages made of what people type.
- ``outbox_file``: what waits on disk.
- ``outbox_records``: the values that the outbox keeps.
- ``queue``: what waits for whoever shows it.
- ``receiver``: what a frame means, whether it is new, where it goes.
- ``route_file``: ``[[routes]]`` of a TOML file.
- ``routing``: which sinks take what.
- ``acknowledgements``: which message a server's acknowledgement is about.
- ``sender``: sends messages, and says what became of each.
- ``sinks``: a command, an HTTP target, the desktop, a file, Apprise's services.
- ``targets``: to whom notifications are handed on.
- ``timed_worker``: the same, with quiet hours or a digest.
- ``worker``: one sink's order, retries and dead letters.

Within: ``gaps`` tells what was missed, and why; ``outbox`` keeps what arrived until
each sink took it.
What is new is decided by ``protocol.cursor``, which ``receiver`` asks.
"""

__all__ = [
    "build",
    "build_sinks",
    "dead_letters",
    "dispatcher",
    "durable_listener",
    "filters",
    "message_input",
    "outbox_file",
    "outbox_records",
    "queue",
    "receiver",
    "route_file",
    "routing",
    "sender",
    "sinks",
    "targets",
    "timed_worker",
    "worker",
]
