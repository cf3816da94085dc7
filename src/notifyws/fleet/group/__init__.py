"""Listeners that share the work of one name, on Redis Streams.

One member holds the socket (the leader: a lease in Redis with a fencing number) and
appends what arrives to a stream; all members, the leader too, take their share of it
through a consumer group and acknowledge what was printed and handed on. This package
owns who leads, what is appended, who takes what and when it is done. It must not know
commands or terminals.

    scripts   what is asked of Redis in one step, and the table of keys
    store     the same as methods, with values
    in_hand   what a member took and has not acknowledged (pure)
    member    takes a share of the stream, and acknowledges
    window    what the leader appended lately, in case Redis loses it (pure)
    leader    the socket, and what it brings into the stream
    spool     what waits on disk while Redis is away
    listener  a member as a whole: joins, leads when it is its turn, leaves
"""

__all__ = ["listener", "store"]
