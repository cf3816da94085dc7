"""What listeners are to each other and to their host.

This room owns the sign of life that a listener keeps in the token cache, and what the
service manager is told. It must not know how connections are kept or notifications
delivered: it hears events, and asks for counts.

    heartbeat       keeps a listener's entry, and finds the others
    listener_entry  what a listener says of itself
    systemd         what the service manager is told
"""

__all__ = ["heartbeat", "listener_entry", "systemd"]
