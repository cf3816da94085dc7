"""How things look: Rich draws what people see, data goes past it, one way to stdout.

Knows notifications, events, settings and the service that is shown; knows no socket
and no command, and never draws a word of a server that has not been through
``sanitize``. What is data imports no Rich. Others may import these modules:

- ``formatting``: the shapes of ``--format`` and ``--query``.
- ``library_log``: what libraries log, said as all talk is.
- ``lines``: a notification or an event as one line.
- ``output``: data to a file descriptor without blocking the event loop.
- ``progress``: how far ``send --lines`` is.
- ``qr_code``: the code of a login by device, for a browser or a telephone.
- ``renderers``: how ``listen`` shows what arrives; chooses between live view (whose
  keys are in ``key_bindings``), plain lines, JSON Lines, raw frames and shapes.
- ``rows``: pages of facts and lists, for ``status`` and ``profile``.
- ``sanitize``: what is stripped of remote text before a terminal, or a model, sees it.
- ``streams``: what commands say on stdout and stderr.
- ``tee``: the file of ``--tee``.
"""

__all__ = [
    "formatting",
    "library_log",
    "lines",
    "output",
    "progress",
    "qr_code",
    "renderers",
    "rows",
    "sanitize",
    "streams",
    "tee",
]
