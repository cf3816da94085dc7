"""How things look, for people and for scripts: text, terminals, one output.

Knows notifications, events and settings; knows no connection, and never draws a
word of a server that has not been through :mod:`notifyws.view.safe`.
"""
