"""One connection to a server, kept: opened, pinged, renewed, and opened again.

This room owns when to connect, wait, renew or give up (``reconnect``, pure), what ends
a connection, and what is told of it. It must not know what becomes of what arrives (it
hands that to a ``Receiver``), where a token comes from, or how a server spells things:
profiles are read in ``protocol``.

    build          a session, or one connection, from settings and a profile
    catch_up       what was missed, by HTTP
    connection     one connection's life, and its keepalive
    dialer         opens a WebSocket; why that came to nothing, as our errors
    endings        what did not come in time, and what ended it, without secrets
    event_emitter  tells what happens, and since when something may be missing
    outcome        what an error means to the machine, and to whoever tries once; how
                   often connections were lost, and why, in few words
    inflate        whole compressed texts, by the library's own extension
    ports          what a session is given by others
    recorded_transport
                   has what goes over a socket recorded
    reconnect      the reconnect machine, its table, and the delays
    renewal        what a live connection owes its server: answers, a fresh token
    second_connection
                   what another connection brings, beside the first
    session        drives the machine
    transport      one WebSocket's life, in bursts of whole messages
    verification   whether an open socket brings all that the server has
    websocket_framer
                   cuts a server's bytes into plain texts and other frames, pure
"""

__all__ = [
    "build",
    "connection",
    "endings",
    "event_emitter",
    "outcome",
    "ports",
    "reconnect",
    "renewal",
    "session",
    "verification",
]
