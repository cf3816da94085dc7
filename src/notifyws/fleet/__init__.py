"""What listeners are to each other and to their host.

This room owns a listener as a whole, the heartbeat that it keeps in the token cache,
what the service manager is told, and what is measured. It must not know handlers,
commands or terminals.

    active_listener a listener at work, put together from the rooms below
    build           a listener, from settings and what is asked for
    group           listeners that share the work of one name, over Redis Streams
    health          whether it is alive, and of use; what the service manager is told
    heartbeat       keeps a listener's entry, and finds the others
    listener_entry  what ``status`` is told of a listener, in the cache
    metrics         what is measured of it, and where each number comes from
    metrics_page    the same as Prometheus reads it
    metrics_server  serves that page, and what probes ask
    recorded        has a listener recorded
"""

__all__ = [
    "build",
    "group",
    "health",
    "heartbeat",
    "listener_entry",
    "metrics_server",
    "recorded",
]
