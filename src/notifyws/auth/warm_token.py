"""A cached token that is found without an event loop, which takes longer to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notifyws.errors import CacheFailed

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cached_tokens import AccessToken


def warm_token(auth: Authenticator) -> AccessToken | None:
    """Return the cached token where it lies in a file, read without a loop."""
    if auth.settings.token or not auth.cache_url.startswith("sqlite:"):
        return None
    from notifyws.auth.cache.build import sqlite_path
    from notifyws.auth.cache.sqlite import SqliteStore
    from notifyws.auth.cached_tokens import ACCESS, read_cached_tokens

    store = SqliteStore(sqlite_path(auth.cache_url))
    try:
        entries = store.read(auth.account.id, *ACCESS)
        if auth.cipher is not None:
            entries = auth.cipher.decrypted(auth.account.id, entries)
        return read_cached_tokens(entries).access
    except CacheFailed:
        return None
    finally:
        store.close()
