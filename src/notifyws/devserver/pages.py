"""The server's pages, for browsers: ``/``, and ``/client``, a client to record.

``index.html`` has buttons for what ``/_dev`` can do and shows what ``event_stream``
tells. ``client.html`` does what web pages of such servers do: it logs in, renews its
token and listens, so that a browser's developer tools have something to record.

Each is one file, with its script and style in it and nothing of anybody else's. The
policy sent with it names both by their hashes, so nothing that a notification brings
can run or be fetched, and no other page may frame it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

FOLDER = Path(__file__).with_name("html")
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; "
    "script-src {script}; style-src {style}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@cache
def _read(name: str) -> tuple[str, dict[str, str]]:
    """Return a page and its headers."""
    html = (FOLDER / name).read_text("utf-8")
    policy = POLICY.format(script=_hash(html, "script"), style=_hash(html, "style"))
    headers = {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return html, headers


def _hash(html: str, tag: str) -> str:
    """Return the policy's name for the one element of a tag."""
    (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _page(name: str) -> Handler:
    async def page(_: web.Request) -> web.StreamResponse:
        html, headers = _read(name)
        return web.Response(text=html, content_type="text/html", headers=headers)

    return page


PAGES = [web.get("/", _page("index.html")), web.get("/client", _page("client.html"))]
