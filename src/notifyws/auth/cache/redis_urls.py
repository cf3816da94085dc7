"""What a Redis URL says: one server, sentinels that know it, or a cluster; pure.

It reads the text and names what is wrong with it, without repeating any of it: what
looks like an option may be the rest of a password. It opens no file and no connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from notifyws.errors import ConfigurationError

Kind = Literal["server", "sentinel", "cluster"]
Host = tuple[str, int]

SCHEMES = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}
SHAPES = {
    "server": "HOST[:PORT][/DB]",
    "sentinel": "HOST[:PORT],HOST[:PORT]/SERVICE[/DB]",
    "cluster": "HOST[:PORT],HOST[:PORT]",
}
OPTIONS = r"db|username|password|client_name|protocol"
SENTINEL_OPTIONS = r"sentinel_username|sentinel_password"
TLS_OPTIONS = r"ssl_\w+"
"""What the query of a URL may say; time-outs and retries are ours."""

URL = (
    r"(?P<scheme>[A-Za-z+]+)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
)
HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s:,\[\]]+)(?::(\d{1,5}))?"
CONTROLS = r"[\x00-\x20\x7f]"


class RedisUrl(Struct, frozen=True):
    """Where Redis is, and as whom it is asked.

    Attributes:
        kind: whose addresses ``hosts`` are: one server's, sentinels' or nodes'.
        tls: whether they are spoken to over TLS.
        hosts: host and port of each; empty for a socket of this machine.
        service: the name by which sentinels know their primary.
        path: the socket of this machine.
        db: the number of the database.
        options: of the query, decoded; user and password among them.
        shown: the URL fit for showing: no password, no query.
    """

    kind: Kind
    tls: bool
    hosts: tuple[Host, ...]
    service: str
    path: str
    db: int
    options: Mapping[str, str]
    shown: str

    @property
    def plain_scheme(self) -> str:
        """The scheme of a URL of one server that is spoken to in the same way."""
        return "rediss" if self.tls else "redis"

    @property
    def named(self) -> str:
        """The hosts, as a certificate's complaint names them."""
        return ",".join(host for host, _ in self.hosts)


def read_url(url: str) -> RedisUrl:
    """Return what a Redis URL says, read so strictly that a raw ``#/?@`` shows.

    Raises:
        ConfigurationError: it is not one; the message never repeats it.
    """
    scheme = url.partition(":")[0].lower()
    found = None if re.search(CONTROLS, url) else re.fullmatch(URL, url)
    if not found or scheme not in SCHEMES:
        raise _wrong("server", "cannot be read")
    kind: Kind = next(k for k in get_args(Kind) if k == SCHEMES[scheme])
    login, at, hosts = found["authority"].rpartition("@")
    path = found["path"] or ""
    if kind != "server" and "@" in login + path:
        raise _wrong(kind, "has an @ too many")
    options = _options(kind, scheme, found["query"] or "")
    service, db, socket = _ending(kind, scheme, path, options.pop("db", ""))
    user, colon, password = login.partition(":")
    named = {"username": unquote(user), "password": unquote(password)}
    return RedisUrl(
        kind,
        scheme.startswith("rediss"),
        _local(hosts) if scheme == "unix" else _hosts(kind, hosts),
        service,
        socket,
        db,
        options | {name: said for name, said in named.items() if said},
        f"{scheme}://{user}{colon and ':***'}{at}{hosts}{path}",
    )


def _options(kind: Kind, scheme: str, query: str) -> dict[str, str]:
    """Return what a query says; a name is to be written as it is.

    Else a name could hide from whoever looks for files in what a ``.env`` says.
    """
    allowed = f"{OPTIONS}|{SENTINEL_OPTIONS}" if kind == "sentinel" else OPTIONS
    allowed = f"{allowed}|{TLS_OPTIONS}" if scheme.startswith("rediss") else allowed
    names = [part.partition("=")[0] for part in query.split("&") if query]
    if not all(re.fullmatch(allowed, name, re.ASCII) for name in names):
        known = allowed.replace(TLS_OPTIONS, "ssl_...").replace("|", ", ")
        raise ConfigurationError(
            "the Redis URL has an unknown option",
            f"after the ?, these are known: {known}",
        )
    try:
        read = parse_qs(query, strict_parsing=bool(query), keep_blank_values=True)
    except ValueError:
        raise _wrong(kind, "cannot be read") from None
    options = {name: values[0] for name, values in read.items()}
    if options.get("protocol", "2") not in {"2", "3"}:
        raise ConfigurationError(
            "the Redis URL names no protocol of Redis", "write ?protocol=2 or =3"
        )
    return options


def _ending(kind: Kind, scheme: str, path: str, db: str) -> tuple[str, int, str]:
    """Return the service, the database and the socket that a path names."""
    if scheme == "unix":
        if not path.strip("/"):
            raise _wrong(kind, "names no server")
        return "", _number(kind, db), unquote(path)
    service = ""
    if kind == "sentinel":
        _, _, path = path.partition("/")
        service, _, path = path.partition("/")
        service, path = unquote(service), f"/{path}"
        if not service:
            raise _wrong(kind, "names no service")
    number = _number(kind, db or path.removeprefix("/"))
    if kind == "cluster" and number:
        raise ConfigurationError(
            "the Redis URL names a database, and a cluster has only one",
            "leave the number out",
        )
    return service, number, ""


def _number(kind: Kind, text: str) -> int:
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        raise _wrong(kind, "names no database number")
    return int(text or 0)


def _local(hosts: str) -> tuple[Host, ...]:
    if hosts:
        raise ConfigurationError(
            "the Redis URL names no server", "write unix:///PATH/OF/THE/SOCKET"
        )
    return ()


def _hosts(kind: Kind, text: str) -> tuple[Host, ...]:
    found = [re.fullmatch(HOST, each) for each in text.split(",")]
    if not text or (kind != "server" and not all(text.split(","))):
        raise _wrong(kind, "names no server")
    if kind == "server" and len(found) > 1:
        raise ConfigurationError(
            "the Redis URL names several servers",
            "write redis+sentinel:// or redis+cluster://",
        )
    hosts = []
    for match in found:
        port = int((match and match[2]) or PORTS[kind])
        if not match or not 0 < port < 65536:
            raise _wrong(kind, "cannot be read")
        hosts.append((match[1].strip("[]"), port))
    return tuple(hosts)


def _wrong(kind: Kind, what: str) -> ConfigurationError:
    scheme = "redis" if kind == "server" else f"redis+{kind}"
    shape = f"write {scheme}://[USER:PASSWORD@]{SHAPES[kind]}"
    return ConfigurationError(
        f"the Redis URL {what}", f"{shape}, special characters as %XX"
    )
