"""What listeners are to each other and to their host.

This room owns a listener as a whole, the heartbeat that it keeps in the token cache,
and what the service manager is told. It must not know handlers, commands or terminals.

    active_listener a listener at work, put together from the rooms below
    group           listeners that share the work of one name, over Redis Streams
    heartbeat       keeps a listener's entry, and finds the others
    listener_entry  what a listener says of itself
    systemd         what the service manager is told
"""

__all__ = ["active_listener", "group", "heartbeat", "listener_entry", "systemd"]
