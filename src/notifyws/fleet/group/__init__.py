"""Listeners that share the work of one name, on Redis Streams.

One member holds the socket (the leader: a lease in Redis with a fencing number) and
appends what arrives to a stream; all members, the leader too, take their share of it
through a consumer group and acknowledge what was printed and handed on. This package
owns who leads, what is appended, who takes what and when it is done. It must not know
commands or terminals.

    lua              what several scripts begin with: reads rubbish as nothing
    scripts          what is asked of Redis in one step, and the table of keys
    stream_scripts   the same for the streams
    keys             a group's keys, how a step is asked, and what goes on failing
    entries          what Redis keeps of a group, as values (pure)
    append_window    what the leader appended lately, should Redis lose it (pure)
    stream           the streams as methods, with values
    store            the same for members and leases
    in_hand          what a member took and has not acknowledged (pure)
    member           takes a share of the streams, and acknowledges
    spool            what waits on disk while Redis is away
    appender         what brings it into the stream: once, in order
    several_sockets  what tells a notification of two sockets from others, and whether a
                     gap of one is none of the group (pure)
    leader           the socket, whose notifications go there
    membership       the beat: who lives, who leads; with a key: which streams are this
                     member's alone
    stream_listener  a listener that reads a group's stream; one that reads it again, as
                     a group of its own
    listener         a member as a whole: joins, leads when it is its turn, leaves
    standing         how the group stands, for whoever asks from outside
    build            parts of them, from settings
"""

__all__ = ["build", "listener", "standing", "stream_listener"]
