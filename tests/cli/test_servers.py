"""Several servers end together: when it is enough, when all have, or with the first."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.cli.options import Common
from notifyws.cli.servers import ServerChoice, until_ended
from notifyws.errors import AuthenticationFailed, NetworkFailed, UsageError
from tests.support.virtual import now

pytestmark = pytest.mark.virtual_time

LOCKED = AuthenticationFailed("refused", "notifyws auth login")
GONE = NetworkFailed("gone", "look at it")


class Scene:
    """Servers that end after so many seconds: enough, closed, or with an error."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.cut: list[str] = []

    async def listen(self, name, seconds, how):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cut.append(name)
            raise
        if isinstance(how, Exception):
            raise type(how)(*([how.message, how.hint] if how in (LOCKED, GONE) else []))
        return how == "enough"

    async def end(self, *, first=False, **servers):
        listening = {name: self.listen(name, *how) for name, how in servers.items()}
        await until_ended(listening, first=first, tell=self.said.append)


@pytest.fixture
def scene():
    return Scene()


async def test_they_end_when_the_last_one_has(scene):
    began = now()
    await scene.end(work=(1, "closed"), home=(5, "closed"))
    assert now() - began == 5
    assert (scene.said, scene.cut) == ([], [])


async def test_one_that_fails_leaves_the_others_alone_and_is_said(scene):
    with pytest.raises(AuthenticationFailed) as caught:
        await scene.end(work=(1, LOCKED), home=(5, "closed"))
    assert caught.value.message == "work: refused"
    assert caught.value.hint == "notifyws auth login --server work"
    assert scene.said == ["work: refused; the others go on"]


async def test_the_first_that_failed_says_why_and_every_other_is_said(scene):
    with pytest.raises(NetworkFailed) as caught:
        await scene.end(work=(3, LOCKED), home=(2, GONE))
    assert (caught.value.message, caught.value.hint) == ("home: gone", "look at it")
    assert scene.said == ["home: gone; the others go on", "work: refused"]


async def test_as_soon_as_it_is_enough_all_end_and_nothing_has_failed(scene):
    began = now()
    await scene.end(work=(1, LOCKED), home=(2, "enough"), away=(99, "closed"))
    assert (now() - began, scene.cut) == (2, ["away"])


async def test_with_any_they_end_with_the_first(scene):
    began = now()
    with pytest.raises(NetworkFailed, match="home: gone"):
        await scene.end(first=True, work=(3, "closed"), home=(2, GONE))
    assert (now() - began, scene.said, scene.cut) == (2, [], ["work"])


async def test_what_is_no_servers_fault_ends_all_at_once(scene):
    with pytest.raises(ZeroDivisionError):
        await scene.end(work=(1, ZeroDivisionError()), home=(2, "closed"))
    assert scene.cut == ["home"]


async def test_whoever_is_cancelled_ends_all_of_them(scene):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await scene.end(work=(5, "closed"), home=(5, "closed"))
    assert sorted(scene.cut) == ["home", "work"]


async def test_one_alone_says_no_name(scene):
    with pytest.raises(NetworkFailed) as caught:
        await scene.end(**{"": (1, GONE)})
    assert (caught.value.message, scene.said) == ("gone", [])


def choice(*named, every=False, first=False, **alone):
    options = {f"--{name}": value for name, value in alone.items()}
    return ServerChoice(named, every, first, options)


@pytest.mark.parametrize(
    ("wanted", "common", "said"),
    [
        (choice("a", every=True), Common(), "--all and --server exclude each other"),
        (choice("a", first=True), Common(), "--any goes with several servers"),
        (choice("a", "a", first=True), Common(), "--any goes with several servers"),
        (choice(first=True), Common(), "--any goes with several servers"),
        (choice("a", "b", record="f"), Common(), "--record goes with one server"),
        (choice(every=True), Common(url="wss://h"), "--url goes with one server"),
        (choice("a", "b"), Common(profile="p"), "--profile goes with one server"),
    ],
)
def test_what_makes_no_sense_is_refused(wanted, common, said):
    with pytest.raises(UsageError, match=said) as caught:
        wanted.load(common, {})
    assert caught.value.hint
