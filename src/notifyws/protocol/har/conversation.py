"""What was said on a socket: its handshake, its pings, and what merely arrived.

A frame is known by what kind it says it is. What was sent at first to introduce
itself and to subscribe is the handshake; each of its steps ends with the frame that
answers it, known by the id it repeats or by its words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from itertools import pairwise
from statistics import median
from typing import Any

from msgspec import Struct, field

from notifyws.protocol.har.frame_kinds import (
    HandshakeStep,
    Kind,
    echoed,
    is_kind,
    kind_of,
    merged,
    numbered_by,
    numbers_of,
    split_frames,
)
from notifyws.protocol.har.recording import Frame, SocketLog
from notifyws.protocol.har.secrets import Secrets, is_operation, is_protocol
from notifyws.protocol.har.values import expression, is_plain, leaves
from notifyws.protocol.har.variables import Variables

PING = re.compile(r"(?i)(^|[._:/-])(ping|heartbeat|hb|keep-?_?alive|ka|phx_heartbeat)$")
PONG = re.compile(r"(?i)(^|[._:/-])(pong|heartbeat_?ack|keep-?_?alive_?ack)$")
SETUP = re.compile(
    r"(?i)subscri|auth|init|connect|join|hello|login|register|listen|watch|identify"
    r"|^sub$|attach|follow|\bopen\b"
)
"""Words of what is said at first."""
ACK = re.compile(
    r"(?i)\bok\b|ack|success|subscri|welcome|ready|auth|accept|joined|hello|establish"
    r"|confirm|result|complete|connected|init|reply|response"
)
"""Words of an answer to that."""
STRONG = re.compile(r"(?i)\bok\b|_ok|ack|success|subscribed|ready|accept|joined")
"""The words that say so plainly."""
LOGIN = re.compile(r"(?i)auth|log_?in|sign_?in|identi|passw|credential|hello")
"""Words of a frame that says who one is."""
UNDONE = re.compile(r"(?i)unsub|logout|leave|detach")
MOST_STEPS = 20
SOON = 10.0
"""Seconds within which an answer comes."""
AT_ONCE = 2.0
"""Seconds within which a ping is answered."""
PAUSE = 1.0
"""Seconds at least between two pings."""


class Conversation(Struct):
    """One socket's frames, sorted.

    Args:
        ping: the page's own, with the seconds between two.
        pong: the kind of its answer.
        server_pings: kinds of the server's, each with what the page answered.
        silence: seconds between what the server says by itself to be heard.
        answers: kinds of answers to what the page sent.
        arrived: the other frames that came.
        left_out: kinds of what was sent later.
        unread: how many frames were no JSON.
        renewed: a frame by which the page renewed the token.
    """

    steps: list[HandshakeStep] = field(default_factory=list)
    ping: tuple[Any, float] | None = None
    pong: Kind | None = None
    server_pings: dict[Kind, Any] = field(default_factory=dict)
    silence: float = 0.0
    answers: list[Kind] = field(default_factory=list)
    arrived: list[Frame] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unread: int = 0
    renewed: Any = None
    split: bool = False


def conversation(
    socket: SocketLog, variables: Variables, secrets: Secrets
) -> Conversation:
    """Return what was said on a socket, sorted."""
    return _Sorter(socket.frames, variables, secrets).sorted()


class _Sorter:
    def __init__(
        self, frames: Sequence[Frame], variables: Variables, secrets: Secrets
    ) -> None:
        read = [each for each in frames if each.value is not None]
        self._frames, split = split_frames(read, secrets)
        self._variables = variables
        self._secrets = secrets
        self._found = Conversation(unread=len(frames) - len(read), split=split)
        self._used: set[int] = set()
        self._kinds = [kind_of(each.value, secrets) for each in self._frames]
        self._numbered = numbered_by(self._frames)

    def sorted(self) -> Conversation:
        self._pings()
        self._server_pings()
        self._handshake()
        self._answers()
        self._found.arrived = [
            frame
            for index, frame in enumerate(self._frames)
            if not frame.sent and index not in self._used
        ]
        return self._found

    def _indexes(self, *, sent: bool) -> list[int]:
        return [
            index
            for index, frame in enumerate(self._frames)
            if frame.sent is sent and index not in self._used
        ]

    def _template(self, index: int) -> Any:
        """Return the template of a frame that was sent, its number a counter."""
        frame, number = self._frames[index], None
        value, said = frame.value, self._kinds[index][1]
        if self._numbered and isinstance(value, dict):
            number = value.get(self._numbered)
            value = value if number is None else {**value, self._numbered: 0}
        channels = not any(map(LOGIN.search, [said, *_keys(value)]))
        made = self._variables.template(value, at=frame.at, channels=channels)
        if number is not None and self._numbered in made:
            counter = "{seq|json}" if isinstance(number, str) else "{seq}"
            made = {**made, self._numbered: counter}
        return made

    def _pings(self) -> None:
        """Find the page's own pings, and what answers them."""
        sent = [i for i in self._indexes(sent=True) if PING.search(self._kinds[i][1])]
        if not sent:
            return
        self._used.update(sent)
        every = float(round(self._usual_gap(sent)))
        self._found.ping = (self._template(sent[0]), every)
        for index in self._indexes(sent=False):
            if PONG.search(self._kinds[index][1]):
                self._found.pong = self._kinds[index]
                self._used.add(index)

    def _server_pings(self) -> None:
        came = [i for i in self._indexes(sent=False) if PING.search(self._kinds[i][1])]
        for index in came:
            self._used.add(index)
            kind = self._kinds[index]
            answer = self._answer_at_once(index)
            if answer is None or self._found.server_pings.get(kind) is not None:
                self._found.server_pings.setdefault(kind, None)
                continue
            values = answer.value, self._frames[index].value
            self._found.server_pings[kind] = echoed(*values, self._variables)
        self._found.silence = float(round(3 * self._usual_gap(came)))

    def _usual_gap(self, pings: Sequence[int]) -> float:
        """Return the seconds between two of them; 0 where there is but one."""
        times = [self._frames[i].at for i in pings]
        return median([b - a for a, b in pairwise(times) if b - a > PAUSE] or [0.0])

    def _answer_at_once(self, asked: int) -> Frame | None:
        at = self._frames[asked].at
        for index in self._indexes(sent=True):
            if index > asked and PONG.search(self._kinds[index][1]):
                if self._frames[index].at - at > AT_ONCE:
                    return None
                self._used.add(index)
                return self._frames[index]
        return None

    def _handshake(self) -> None:
        sent = self._indexes(sent=True)
        setup = [i for i in sent if self._is_setup(i)][:MOST_STEPS]
        self._hello(setup[0] if setup else len(self._frames))
        shown: dict[Kind, Any] = {}
        for place, index in enumerate(setup):
            end = setup[place + 1] if place + 1 < len(setup) else len(self._frames)
            answer, kind = self._answered(index, end), self._kinds[index]
            expect = self._expected(answer) if answer is not None else ""
            if kind in shown:
                self._found.renewed = shown[kind]
                continue
            made = self._template(index)
            if made in [step.send for step in self._found.steps]:
                continue
            if "{access_token}" in str(made):
                shown[kind] = made
            self._found.steps.append(HandshakeStep(made, expect))
        self._found.steps = merged(self._found.steps, self._variables)
        self._used.update(sent)
        self._found.answers = list(dict.fromkeys(self._found.answers))
        others = [self._kinds[i] for i in sent if i not in setup]
        rest = [said for name, said in others if is_operation(name, said)]
        self._found.left_out = list(dict.fromkeys(filter(None, rest)))

    def _is_setup(self, index: int) -> bool:
        value = self._frames[index].value
        words = [self._kinds[index][1], *_keys(value)]
        return any(map(SETUP.search, words)) and not any(map(UNDONE.search, words))

    def _hello(self, first: int) -> None:
        """Find what the server says before anything was sent."""
        counts = Counter(self._kinds)
        later = {
            leaf
            for frame in self._frames[first:]
            if frame.sent
            for _, leaf in leaves(frame.value)
        }
        for index in self._indexes(sent=False):
            kind = self._kinds[index]
            if index >= first or counts[kind] > 1 or not ACK.search(kind[1]):
                continue
            capture = self._captured(index, later)
            step = HandshakeStep(None, self._expected(index), capture=capture)
            self._found.steps.append(step)

    def _captured(self, index: int, later: Set[Any]) -> dict[str, str]:
        """Return what later frames repeat of a hello, such as a session's id."""
        captured: dict[str, str] = {}
        for path, leaf in leaves(self._frames[index].value):
            unknown = isinstance(leaf, str) and leaf not in self._variables.known
            if unknown and leaf in later and len(leaf) > 3 and not is_kind(path):
                name = self._variables.new(str(path[-1]))
                self._variables.known[leaf] = name
                captured[name] = expression(path)
        return captured

    def _answered(self, asked: int, end: int) -> int | None:
        """Return the frame that answers one, if there is one."""
        frame, at = self._frames[asked], self._frames[asked].at
        numbers = numbers_of(frame.value)
        came = [i for i in self._indexes(sent=False) if i > asked]
        soon = [i for i in came if self._frames[i].at - at <= SOON]
        for index in soon:
            same = numbers & numbers_of(self._frames[index].value)
            if same and ACK.search(self._kinds[index][1]):
                return index
        counts = Counter(self._kinds[i] for i in came)
        for words in (STRONG, ACK):
            for index in soon:
                once = counts[self._kinds[index]] <= 2
                if index < end and once and words.search(self._kinds[index][1]):
                    return index
        return None

    def _expected(self, index: int) -> str:
        """Return the expression for an answer, which counts as heard."""
        name, said = self._kinds[index]
        self._used.add(index)
        self._found.answers.append((name, said))
        value, more = self._frames[index].value, ""
        for key in ("success", "ok"):
            more += f" && {key}" if value.get(key) is True else ""
        for key in ("status", "event"):
            inner = value.get(key)
            if key != name and isinstance(inner, str) and is_plain(inner):
                hidden = self._secrets.hides(inner) or not is_protocol(inner)
                more += "" if hidden else f" && {key} == '{inner}'"
        return f"{name} == '{said}'{more}"

    def _answers(self) -> None:
        """Pass over what answers a question that was no part of the handshake."""
        asked: set[Any] = set()
        for index, frame in enumerate(self._frames):
            if frame.sent:
                asked |= numbers_of(frame.value)
            elif index not in self._used and numbers_of(frame.value) & asked:
                kind = self._kinds[index]
                if ACK.search(kind[1]) and kind not in self._found.answers:
                    self._found.answers.append(kind)
        for index in self._indexes(sent=False):
            if self._kinds[index] in self._found.answers:
                self._used.add(index)


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
