"""What is wrong with a Redis: a code, a sentence and a hint, without remote text.

Whoever asks gets what went wrong as an exception of a library; here it becomes words of
ours. Of what a server says only codes that we know are believed, and the name of a
command that it forbids.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator

from redis import exceptions

from notifyws.auth.cache.redis_urls import Kind, RedisUrl
from notifyws.auth.network_errors import certificate_rejected

Words = tuple[str, str]
"""What is wrong, and what to do."""

COMMANDS = "+eval +getrange +pttl +set +del +ping +select"
"""What a user needs who keeps tokens there."""

LOG = "look at its log"
FORBIDDEN = "forbids this user what is needed"
REFUSALS: dict[str, Words] = {
    "NOAUTH": ("wants a password", "put it into the URL: redis://:PASSWORD@HOST"),
    "WRONGPASS": ("does not accept the user or password", "correct them in the URL"),
    "NOPERM": (FORBIDDEN, ""),
    "ACL failure": (FORBIDDEN, ""),
    "LOADING": ("is still loading its data", "wait until it has started"),
    "READONLY": ("is a read-only replica", "use the URL of the primary"),
    "OOM": ("is out of memory", "raise its maxmemory or let it evict"),
    "MISCONF": ("cannot save to its disk and takes no writes", LOG),
    "MOVED": (
        "is a node of a cluster without our keys",
        "write redis+cluster:// and some of its nodes",
    ),
    "ASK": ("is moving our keys to another node", "wait until it has"),
    "TRYAGAIN": ("is moving our keys to another node", "wait until it has"),
    "CROSSSLOT": ("is a cluster that parts our keys", "report it: it is our fault"),
    "CLUSTERDOWN": ("is part of a cluster that is down", LOG),
    "MASTERDOWN": ("has lost its primary", LOG),
    "NOREPLICAS": ("has too few replicas to take writes", LOG),
    "UNBLOCKED": ("has ended what waited there", "ask again: it is no primary now"),
    "NOGROUP": ("has no such stream or group", "something else has deleted it"),
    "BUSYGROUP": ("has that group already", "use it"),
    "NOSCRIPT": ("does not know that script any more", "send it whole"),
    "WRONGTYPE": ("holds another type under our key", "see who else writes there"),
    "DB index": ("has no such database", "correct the number in the URL"),
    "unknown command": ("lacks a command that is needed", f"it needs {COMMANDS}"),
    "max number of clients": ("takes no more clients", "raise its maxclients"),
    "DENIED": ("lets no other host in", "set a password, there and in the URL"),
    "BUSY": ("is busy with a script", f"wait, or {LOG}"),
}
RUBBISH = "answered with rubbish", "delete its keys notifyws:*, or use another server"
MOVED_ON = {
    *("READONLY", "MASTERDOWN", "LOADING"),
    *("MOVED", "CLUSTERDOWN", "ASK", "TRYAGAIN"),
}
"""Refusals by a server that is not, or not any more, the one to ask: nothing was done,
and its name may lead to another one by now."""
REFUSAL = re.compile(rf"\b({'|'.join(REFUSALS)})\b")
DENIED = re.compile(r"'([a-z|]{1,40})' (?:sub)?command")
"""How the command that a user may not use is named, alone or within a script."""

PRIVATE = "for a private authority, add ?ssl_ca_certs=/path/to/ca.pem to the URL"
OURS = "if it wants a certificate of ours, add ?ssl_certfile=...&ssl_keyfile=..."
RUNNING = "check the URL, and that the server is running"
SENTINELS = {
    "NOAUTH": ("want a password", "add ?sentinel_password=... to the URL"),
    "WRONGPASS": (
        "do not accept the user or password",
        "correct sentinel_username and sentinel_password in the URL",
    ),
    "NOPERM": (
        "forbid that user what is needed",
        "allow +sentinel|masters to the user of sentinel_username",
    ),
}
"""What sentinels refuse, after the word of theirs."""


class NoPrimary(exceptions.ConnectionError):
    """No sentinel names a primary that is up.

    Args:
        failures: what asking each of them came to; none for one that is silent.
        known: whether one of them knows the service.
        answered: whether one of them answered at all.
    """

    def __init__(
        self, failures: list[Exception], *, known: bool, answered: bool
    ) -> None:
        super().__init__()
        self.failures, self.known, self.answered = failures, known, answered


def code_of(error: BaseException) -> str:
    """Return the word of a refusal, of a command or within a script; empty for none.

    A library may have made another error of a refusal, which is behind it then.
    """
    if isinstance(error, NoPrimary):
        codes = [] if error.answered else map(code_of, error.failures)
        return next((code for code in codes if code in SENTINELS), "")
    for each in _chain(error):
        words = f"{getattr(each, 'status_code', None) or ''} {each}"
        code = (
            REFUSAL.search(words) if isinstance(each, exceptions.RedisError) else None
        )
        if code:
            return code[1]
    return ""


def is_lost(error: BaseException) -> bool:
    """Tell whether a connection is lost, or whoever is at its end is in doubt."""
    lost = (exceptions.ConnectionError, exceptions.RedisClusterException, OSError)
    moved = code_of(error) in MOVED_ON | {"UNBLOCKED"}
    return moved or isinstance(error, (*lost, exceptions.TimeoutError))


def diagnosis(error: Exception, where: RedisUrl, seconds: float) -> Words:
    """Return what is wrong with a Redis, and what to do."""
    code = code_of(error)
    if isinstance(error, NoPrimary):
        return _of_sentinels(error, where)
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return f"did not answer within {seconds:g} s", "is it overloaded?"
    if code:
        forbidden = code in {"NOPERM", "ACL failure"}
        return _forbidden(error, where.kind) if forbidden else REFUSALS[code]
    return _of_connection(error, where)


def _of_connection(error: Exception, where: RedisUrl) -> Words:
    if any(isinstance(e, exceptions.AuthenticationError) for e in _chain(error)):
        return REFUSALS["WRONGPASS"]
    if isinstance(error, exceptions.RedisClusterException | exceptions.ClusterError):
        return _of_cluster(error, where)
    if not isinstance(error, exceptions.ConnectionError | OSError):
        return RUBBISH
    why, hint = _of_network(error, where)
    if where.kind == "sentinel" and hint == RUNNING:
        return f"has lost its primary: {why}", "wait for the sentinels to replace it"
    return f"cannot be used: {why}", hint


def _of_sentinels(error: NoPrimary, where: RedisUrl) -> Words:
    if error.known:
        hint = "wait for the sentinels to replace it, or look at their logs"
        return "has no primary that is up", hint
    for each in error.failures:
        if (code := code_of(each)) in SENTINELS:
            why, hint = SENTINELS[code]
            return f"cannot be used: its sentinels {why}", hint
    if any(map(_is_rubbish, error.failures)):
        return RUBBISH
    if error.answered:
        hint = "write the name after `sentinel monitor` behind the hosts"
        return "cannot be used: its sentinels do not know that service", hint
    why, hint = "no sentinel answers", RUNNING.replace("server is", "sentinels are")
    for each in error.failures:
        reason, what = _of_network(each, where)
        why, hint = f"{why}: {reason}", hint if what == RUNNING else what
        break
    return f"cannot be used: {why}", hint


def _of_cluster(error: Exception, where: RedisUrl) -> Words:
    behind = list(_chain(error))
    if any(isinstance(each, exceptions.SlotNotCoveredError) for each in behind):
        return "has no node for our keys", "look at: redis-cli cluster info"
    if any(isinstance(each, exceptions.ResponseError) for each in behind):
        return "is no cluster", f"write {where.plain_scheme}:// and its one server"
    if any(isinstance(each, exceptions.InvalidResponse) for each in behind):
        return RUBBISH
    if isinstance(error, exceptions.ClusterError):
        return "sends us from node to node", "look at: redis-cli cluster info"
    reason, hint = _of_network(behind[1] if behind[1:] else error, where)
    hint = RUNNING.replace("server is", "nodes are") if hint == RUNNING else hint
    return f"cannot be used: no node answers: {reason}", hint


def _is_rubbish(error: BaseException) -> bool:
    """Tell whether an answer was none; what libraries make of that is not foreseen."""
    return not isinstance(error, exceptions.RedisError | OSError)


def _of_network(error: BaseException, where: RedisUrl) -> Words:
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        rejected = certificate_rejected(cause, where.named)
        private = rejected.reason == "untrusted"
        return rejected.message, PRIVATE if private else rejected.hint
    if isinstance(cause, ssl.SSLError):
        scheme = where.shown.partition(":")[0]
        hint = f"is it {scheme.replace('rediss', 'redis')}:// instead of {scheme}://?"
        return "it does not speak TLS", hint
    why = "connection lost"
    if isinstance(cause, OSError):
        plain = type(cause).__module__ == "builtins" and cause.errno
        why = os.strerror(plain) if plain else cause.strerror or why
    elif where.tls and "ssl_certfile" not in where.options:
        return why, f"{RUNNING}; {OURS}"  # which is all that is heard of it
    return why, RUNNING


def _forbidden(error: Exception, kind: Kind) -> Words:
    words = " ".join(str(each) for each in _chain(error))
    named = DENIED.search(words)
    needed = COMMANDS + (" +cluster|slots" if kind == "cluster" else "")
    if named and f"+{named[1]}" not in needed.split():
        needed = f"{needed} +{named[1]}"
    why = f"{FORBIDDEN}: {named[1]}" if named else FORBIDDEN
    return why, f"allow ~notifyws:* {needed}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
