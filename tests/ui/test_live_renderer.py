"""A pause holds back what is printed, and nothing else."""

from types import SimpleNamespace

import pytest

from notifyws.ui.live_renderer import LiveRenderer
from notifyws.ui.streams import ReaderGone
from notifyws.ui.terminal_session import TerminalSession
from tests.support.virtual import turns
from tests.ui.helpers import note
from tests.ui.test_key_bindings import Scene as Keyboard


class Service:
    """Remembers how it was called."""

    def __init__(self):
        self.calls = []
        self.listener = SimpleNamespace(queue=self)

    def hold(self):
        self.calls.append("hold")

    def release(self):
        self.calls.append("release")


class Scene:
    def __init__(self):
        self.keyboard, self.service = Keyboard(), Service()
        view, press, self.died = self.keyboard.view, self.keyboard.press, []
        self.renderer = LiveRenderer(
            view,
            TerminalSession(view, press, keys=None, drawn_on=-1),
            self.keyboard.keys,
            [self.service],
            print,
            lambda said, error: self.died.append(error),
        )

    @property
    def drawn(self):
        text = "".join(self.keyboard.paper.writes)
        return [word for word in ("one", "two", "three") if f"{word}  note" in text]

    async def show(self, *titles):
        await self.renderer.show([note(title=title) for title in titles])


@pytest.fixture
def scene():
    return Scene()


async def test_while_paused_the_next_bursts_are_taken_and_kept(scene):
    scene.keyboard.press("p")
    await scene.show("one")
    await scene.show("two")
    assert scene.drawn == []
    assert scene.keyboard.status.queued == 2
    assert scene.service.calls == ["hold"]
    scene.keyboard.press("p")
    await scene.show("three")
    await scene.renderer.finish()
    assert scene.drawn == ["one", "two", "three"]
    assert scene.keyboard.status.queued == 0
    assert scene.service.calls == ["hold", "release"]


async def test_what_is_held_is_printed_at_the_end(scene):
    scene.keyboard.press("p")
    await scene.show("one")
    await scene.renderer.finish()
    assert scene.drawn == ["one"]


async def test_without_a_pause_nothing_is_held(scene):
    await scene.show("one")
    await scene.renderer.finish()
    assert scene.drawn == ["one"]
    assert scene.service.calls == []


async def test_a_terminal_that_went_away_meanwhile_is_noticed(scene):
    async def gone(data):
        raise ReaderGone("stdout")

    scene.keyboard.press("p")
    await scene.show("one")
    scene.keyboard.paper.write = gone
    scene.keyboard.press("p")
    await turns()
    assert [type(error) for error in scene.died] == [ReaderGone]
    assert scene.service.calls == ["hold", "release"]
