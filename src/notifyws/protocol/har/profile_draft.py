"""A commented profile out of a HAR, and the questions that it leaves open.

Each question has an answer that is taken where nobody is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from notifyws.config.toml_text import quoted
from notifyws.errors import command
from notifyws.protocol.har.conversation import Conversation, conversation
from notifyws.protocol.har.frame_kinds import by_kind
from notifyws.protocol.har.login_steps import Login, login_of
from notifyws.protocol.har.recording import Exchange, Recording, SocketLog
from notifyws.protocol.har.secrets import Harmless, Secrets
from notifyws.protocol.har.sockets import (
    Placed,
    demand_speakable,
    likely_sockets,
    placed_token,
)
from notifyws.protocol.har.tables import (
    handshake_lines,
    later_lines,
    login_lines,
    notifications,
    rule_lines,
    socket_lines,
    token_lines,
    variable_lines,
)
from notifyws.protocol.har.values import Sources
from notifyws.protocol.har.variables import Variables

BUILT_IN = (
    ("/api/websocket", "home-assistant"),
    ("/connection/websocket", "centrifugo"),
    ("/api/v4/websocket", "mattermost"),
    ("/websocket", "directus"),
    ("/stream", "gotify"),
)
"""Paths of servers for which there is a profile already."""
MOST_CHOICES = 12


class Question(Struct, frozen=True):
    """What a recording does not tell.

    Args:
        key: by which it is answered.
        text: in words.
        default: what is taken where nobody answers.
    """

    key: str
    text: str
    default: str


class HarDraft(Struct, frozen=True):
    """A profile, and what goes with it.

    Args:
        url: to try it with, of the server's HTTP side as a socket's.
        socket_url: where the socket has another origin; else empty.
        remarks: what is missing, each in a sentence.
    """

    text: str
    url: str
    socket_url: str
    questions: tuple[Question, ...]
    remarks: tuple[str, ...]


def har_draft(
    recording: Recording, name: str, answers: Mapping[str, str] = MappingProxyType({})
) -> HarDraft:
    """Return a profile for the server that was recorded.

    Args:
        answers: to questions, by their key.

    Raises:
        ConfigurationError: no profile can speak as that server does.
    """
    return _Drafter(recording, name, answers).draft()


class _Drafter:
    def __init__(
        self, recording: Recording, name: str, answers: Mapping[str, str]
    ) -> None:
        self._recording = recording
        self._name = name
        self._answers = answers
        self._questions: list[Question] = []
        self._remarks: list[str] = []
        self._secrets = Secrets(recording)
        self._harmless = Harmless(recording)
        self._variables = Variables(self._secrets, {}, "", self._harmless)

    def draft(self) -> HarDraft:
        socket = self._socket()
        demand_speakable(socket)
        sources = Sources(self._recording.exchanges)
        placed = placed_token(socket, sources)
        login = login_of(self._recording, placed, sources, self._variables)
        origin = login.steps[-1].exchange.origin if login.steps else ""
        said = self._variables.beside(login.known, origin)
        token_in = self._token_in(login, placed)
        talk = conversation(socket, said, self._secrets)
        later = said.beside(said.known, origin, later=bool(login.steps))
        opened = socket_lines(socket, placed, token_in, said, later, split=talk.split)
        body = [*login_lines(login), *self._tokens(login, token_in), *opened]
        body += [*handshake_lines(talk), *self._rules(talk), *later_lines(talk)]
        head = self._head(socket, complete=bool(placed and login.steps))
        lost = self._lost() if self._variables.needs or not login.tokens else ()
        text = "\n".join([*head, *lost, *variable_lines(self._variables), *body])
        other = socket.opened.origin
        elsewhere = bool(origin) and _as_socket(origin) != _as_socket(other)
        return HarDraft(
            f"{self._secrets.without(text)}\n",
            _as_socket(origin or other),
            _as_socket(other) if elsewhere else "",
            tuple(each for each in self._questions if each.key not in self._answers),
            tuple(self._remarks),
        )

    def _ask(self, key: str, text: str, default: str) -> str:
        self._questions.append(Question(key, text, default))
        return self._answers.get(key, default)

    def _socket(self) -> SocketLog:
        sockets = likely_sockets(self._recording)
        shown = {self._shown(each): each for each in reversed(sockets)}
        paths = list(dict.fromkeys(map(self._shown, sockets)))[:MOST_CHOICES]
        if len(paths) < 2:
            return sockets[0]
        words = f"Which socket brings notifications ({', '.join(paths)})"
        return shown.get(self._ask("socket", words, paths[0]), sockets[0])

    def _shown(self, socket: SocketLog) -> str:
        return self._path(socket.opened)[:100]

    def _path(self, each: Exchange, harmless: Harmless | None = None) -> str:
        """Return the path of a request as a comment or a question shows it."""
        return Variables(self._secrets, {}, "", harmless).path(each.path)

    def _token_in(self, login: Login, placed: Placed | None) -> str:
        """Return where the token stands; of a cookie that was left out, ask."""
        if placed is not None:
            return placed.token_in
        asked = bool(login.steps) and self._recording.sanitized
        words = "Name of the session's cookie, if the socket has one"
        cookie = self._ask("cookie", words, "").strip() if asked else ""
        if cookie:
            return f"cookie:{cookie}"
        self._remarks.append("no token was seen on the socket")
        return "none"

    def _tokens(self, login: Login, token_in: str) -> Iterator[str]:
        if not login.steps:
            self._remarks.append("no login was recorded: it needs a ready-made token")
            return
        tokens = dict(login.tokens)
        if "access" not in tokens and token_in.startswith("cookie:"):
            tokens["access"] = token_in
        if "access" not in tokens:
            words = "Where the login's answer holds the token, as in data.access_token"
            tokens["access"] = self._ask("access", words, "access_token").strip()
            self._remarks.append("the token was not seen in the login's answer")
            yield "# ? Where is the token? In the body, in header:NAME, in cookie:NAME?"
        yield from token_lines(tokens)

    def _head(self, socket: SocketLog, *, complete: bool) -> Iterator[str]:
        yield f"# How {self._name} speaks, as a browser recorded it. Try it with:"
        yield f"#     {command('profile', 'check', self._name, '--url', 'wss://host')}"
        yield '# A comment that begins with "?" says what the recording did not tell.'
        if self._recording.sanitized and not complete:
            yield "# ? No cookies and no Authorization headers were recorded: a browser"
            yield "# leaves them out, unless it is asked for sensitive data."
            self._remarks.append(
                "the recording holds no cookies and no Authorization headers: export "
                "it with sensitive data if they matter"
            )
        path = socket.opened.path
        for name in [name for end, name in BUILT_IN if path.endswith(end)][:1]:
            self._remarks.append(
                f"if this is its server, the profile {name} knows more"
            )
            yield f"# ? The profile {name} is for such a path: is this its server?"
        yield f"name = {quoted(self._name)}"
        yield 'description = "drafted by notifyws profile new --from-har"'
        yield ""

    def _lost(self) -> Iterator[str]:
        """Yield which answers are missing that may have given what is needed."""
        lost = [each for each in self._recording.exchanges if each.lost]
        paths = (f"{each.method} {self._path(each, self._harmless)}" for each in lost)
        told = [path for path in dict.fromkeys(paths) if len(path) < 80]
        if told:
            self._remarks.append(
                "answers are missing in the recording, as browsers forget those of an "
                "earlier page: the profile says which"
            )
            yield "# ? The answers to these are missing: a browser forgets them when"
            yield "# a page follows. What [needs] asks for may be in one: capture it."
            yield from (f"#     {path}" for path in told[:MOST_CHOICES])

    def _rules(self, talk: Conversation) -> Iterator[str]:
        kinds = by_kind(talk.arrived, self._secrets)
        if talk.unread:
            self._remarks.append(f"{talk.unread} frames were no JSON: no rule fits")
        if not kinds:
            yield "# ? Nothing was recorded that could be a notification."
            self._remarks.append("no notification was recorded")
            kinds = {("", ""): []}
        wanted = notifications(kinds)
        names = [said for _, said in kinds if said]
        if len(names) > 1 and len(wanted) < len(kinds):
            words = f"Which of these are notifications ({', '.join(names)})"
            default = ",".join(said for _, said in wanted if said)
            chosen = self._ask("types", words, default).replace(" ", "").split(",")
            wanted = [kind for kind in kinds if kind[1] in chosen] or wanted
        yield from rule_lines(talk, kinds, wanted, self._secrets)


def _as_socket(origin: str) -> str:
    return origin.replace("http", "ws", 1) if origin.startswith("http") else origin
