"""How things look: Rich draws what people see, data goes past it, one way to stdout.

Knows notifications, events and settings; knows no connection, and never draws a
word of a server that has not been through :mod:`notifyws.view.sanitize`. What is data
(:mod:`~notifyws.view.lines`, :mod:`~notifyws.view.output`) imports no Rich in a pipe.
"""
