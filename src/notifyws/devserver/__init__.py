"""The development server: the default profile's other side, in one process.

It is for trying, testing and demonstrating: loopback only, passwords in the open,
a control side (``/_dev``) that lets a test break whatever it likes, and a page that
lets a reader do so. It needs the extra ``notifyws[server]`` and knows nothing of the
client.

    replay   a server that plays a recording
    server   the server as a whole, and what it can be asked for
"""

__all__ = ["replay", "server"]
