"""A pause holds back what is printed, and nothing else."""

import asyncio

import pytest

from notifyws.ui.live_renderer import LiveRenderer
from notifyws.ui.streams import ReaderGone
from notifyws.ui.terminal_session import TerminalSession
from tests.ui.helpers import note, run
from tests.ui.test_key_bindings import Desk


class OutboxReader:
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def hold(self):
        self.told.append("hold")

    def release(self):
        self.told.append("release")


class Scene:
    def __init__(self):
        self.desk, self.shelf = Desk(), OutboxReader()
        self.renderer = LiveRenderer(
            self.desk.view,
            TerminalSession(self.desk.view, self.desk.press, keys=None, drawn_on=-1),
            self.desk.key_bindings,
            self.shelf,
            print,
            lambda said, error: self.died.append(error),
        )
        self.died = []

    @property
    def drawn(self):
        text = "".join(self.desk.paper.writes)
        return [word for word in ("one", "two", "three") if f"{word}  note" in text]

    async def show(self, *titles):
        await self.renderer.show([note(title=title) for title in titles])


@pytest.fixture
def scene():
    return Scene()


def test_while_paused_the_next_bursts_are_taken_and_kept(scene):
    async def story():
        scene.desk.press("p")
        await scene.show("one")
        await scene.show("two")
        assert scene.drawn == []
        assert scene.desk.status.queued == 2
        assert scene.shelf.told == ["hold"]
        scene.desk.press("p")
        await scene.show("three")
        await scene.renderer.finish()
        assert scene.drawn == ["one", "two", "three"]
        assert scene.desk.status.queued == 0
        assert scene.shelf.told == ["hold", "release"]

    run(story())


def test_what_is_held_is_printed_at_the_end(scene):
    async def story():
        scene.desk.press("p")
        await scene.show("one")
        await scene.renderer.finish()
        assert scene.drawn == ["one"]

    run(story())


def test_without_a_pause_nothing_is_held(scene):
    async def story():
        await scene.show("one")
        await scene.renderer.finish()

    run(story())
    assert scene.drawn == ["one"]
    assert scene.shelf.told == []


def test_a_terminal_that_went_away_meanwhile_is_noticed(scene):
    async def gone(data):
        raise ReaderGone("stdout")

    async def story():
        scene.desk.press("p")
        await scene.show("one")
        scene.desk.paper.write = gone
        scene.desk.press("p")
        for _ in range(3):
            await asyncio.sleep(0)

    run(story())
    assert [type(error) for error in scene.died] == [ReaderGone]
    assert scene.shelf.told == ["hold", "release"]
