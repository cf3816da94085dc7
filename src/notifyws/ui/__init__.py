"""How things look: Rich draws what people see, data goes past it, one way to stdout.

Knows notifications, events and settings; knows no connection, and never draws a
word of a server that has not been through :mod:`notifyws.ui.sanitize`. What is data
(:mod:`~notifyws.ui.lines`, :mod:`~notifyws.ui.output`) imports no Rich in a pipe.
"""
