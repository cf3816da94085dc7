"""A socket that is open and brings not all is found out, and nothing else is blamed."""

from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import utc_text
from notifyws.config.settings import Settings
from notifyws.connection.build import want_verifiable
from notifyws.connection.verification import MANY
from notifyws.errors import ConfigurationError, HttpRefused, NetworkFailed
from notifyws.events import Connected, Disconnected, Failure, Gap
from tests.support.scripted import (
    CUT,
    NewsServer,
    ScriptedChannel,
    accepts,
    fails,
    note,
)
from tests.support.session_scene import Archive, Scene
from tests.support.virtual import EPOCH, now, turns

pytestmark = pytest.mark.virtual_time

EVERY = 300.0


class DeafServer(NewsServer):
    """Answers pings and replays, whatever it does not deliver.

    Attributes:
        deaf: channels to which nothing is delivered any more.
        drops: every how many-th is delivered to nobody; 0 for none.
        late: seconds after which it delivers.
    """

    def __init__(self, **how) -> None:
        super().__init__(keeps=1000, **how)
        self.deaf: list[ScriptedChannel] = []
        self.drops = 0
        self.late = 0.0

    @property
    def open(self) -> list[ScriptedChannel]:
        """The sockets that are open now; the first of many may be one of them."""
        return [channel for channel in self.channels if channel.open]

    def publish(self) -> None:
        ident = len(self.news) + 1
        self.news[ident] = now()
        if self.drops and ident % self.drops == 0:
            return
        for channel in self.open:
            if channel in self.deaf:
                continue
            if self.late:  # of one moment they would come in any order
                loop = asyncio.get_running_loop()
                loop.call_later(self.late, channel.deliver, self.note(ident))
            else:
                channel.deliver(self.note(ident))

    def deafen(self) -> None:
        self.deaf += self.open

    async def publish_for(self, seconds: float, every: float = 7.0) -> None:
        end = now() + seconds
        while now() < end:
            self.publish()
            await asyncio.sleep(every)


def looked_at(way: str, server: NewsServer, **how) -> Scene:
    if way == "by http":
        how["archive"] = Archive(holds=server.news, page=50)
    return Scene(server=server, verify_every=EVERY, **how)


def proofs(scene: Scene):
    return scene.session.verifier.proofs


both_ways = pytest.mark.parametrize("way", ["by http", "by a second socket"])


@both_ways
async def test_what_a_deaf_socket_misses_comes_in_order_and_the_socket_is_renewed(way):
    server = DeafServer()
    scene = looked_at(way, server)
    await asyncio.sleep(10)
    await server.publish_for(70)
    server.deafen()
    await server.publish_for(560)
    await scene.stop_after(400)
    assert scene.shown == list(server.news)
    assert proofs(scene).deaf == 1
    assert scene.session.counts.reconnects["deaf"] == 1
    [gap] = scene.of(Gap)
    assert gap.recovered
    assert gap.reason.startswith("the socket was open and did not bring ")
    left, _ = scene.of(Disconnected)
    assert (left.code, left.reason[:36]) == (
        1000,
        "it did not bring all that the server",
    )
    assert scene.told.index(left) < scene.told.index(gap)
    assert proofs(scene).recovered == int(gap.reason.split()[-2])
    assert proofs(scene).proved_at > utc_text(scene.clock.clock.wall() - EVERY - 10)


@both_ways
async def test_one_that_is_deaf_from_the_start_is_found_out(way):
    server = DeafServer()
    await server.publish_for(50)
    old = len(server.news)
    scene = looked_at(way, server)
    await asyncio.sleep(5)
    server.deafen()
    server.publish()
    await scene.stop_after(EVERY + 30)
    assert scene.shown == [old + 1]
    assert proofs(scene).deaf == 1


@both_ways
async def test_every_hundredth_that_is_dropped_is_recovered_each_once(way):
    server = DeafServer()
    server.drops = 100
    scene = looked_at(way, server)
    await asyncio.sleep(5)
    await server.publish_for(1500, every=2.0)
    await scene.stop_after(EVERY + 30)
    assert sorted(scene.shown) == list(server.news)
    assert proofs(scene).recovered == len(server.news) // 100


@both_ways
async def test_a_server_that_delivers_only_what_is_asked_for_loses_nothing(way):
    server = DeafServer()
    server.drops = 1
    scene = looked_at(way, server, since=0)
    await server.publish_for(1000)
    await scene.stop_after(EVERY + 30)
    assert scene.shown == list(server.news)


@both_ways
async def test_a_sound_socket_is_left_alone_and_every_look_is_a_proof(way):
    server = DeafServer()
    scene = looked_at(way, server, since=0)
    await server.publish_for(10 * EVERY + 50)
    await scene.stop()
    assert scene.shown == list(server.news)
    assert (proofs(scene).sound, proofs(scene).deaf, proofs(scene).failed) == (10, 0, 0)
    assert [event.code for event in scene.of(Disconnected)] == [1000]
    assert (len(scene.of(Connected)), scene.of(Gap)) == (1, [])


@both_ways
async def test_what_is_only_under_way_when_it_is_asked_for_is_no_loss(way):
    server = DeafServer()
    server.late = 3.0
    scene = looked_at(way, server, since=0)
    await server.publish_for(3 * EVERY, every=0.7)
    await scene.stop_after(10)
    assert scene.shown == list(server.news)
    assert (proofs(scene).deaf, scene.of(Gap)) == (0, [])


async def test_a_reader_too_slow_to_take_what_came_is_not_taken_for_a_deaf_socket():
    server = DeafServer()
    scene = looked_at("by http", server, since=0, room=5, reads_at=None)
    await asyncio.sleep(EVERY - 1)
    for _ in range(12):
        server.publish()
    reading = asyncio.create_task(scene.read(60))
    await asyncio.sleep(300)
    assert await scene.stop() is None
    await reading
    assert scene.shown == list(server.news)
    assert proofs(scene).deaf == 0


async def test_a_look_that_fails_is_told_once_and_proves_nothing():
    server = DeafServer()
    bad = HttpRefused("the gateway says 404", status=404)
    scene = Scene(
        server=server,
        since=0,
        archive=Archive(*[bad] * 15, holds=server.news),
        verify_every=EVERY,
        stable_after=0.0,
    )
    await scene.stop_after(3 * EVERY + 100)
    told = [event.message for event in scene.of(Failure)]
    assert [text for text in told if "could not be proved" in text] == [
        "whether the socket missed anything could not be proved: the gateway says 404"
    ]
    assert proofs(scene).failed == 2
    assert proofs(scene).sound == 1
    assert proofs(scene).proved_at is not None


async def test_a_second_socket_that_is_refused_leaves_the_first_one_alone():
    busy = fails(NetworkFailed("one connection is enough"))
    scene = Scene(accepts(10.0, note(1)), busy, since=0, verify_every=EVERY, then=busy)
    await asyncio.sleep(3 * EVERY - 10)
    assert scene.server.channels[0].open
    await scene.stop()
    assert (scene.shown, proofs(scene).failed, proofs(scene).sound) == ([1], 2, 0)


async def test_a_server_that_does_not_give_what_it_sent_proves_nothing():
    forgetful = accepts(100.0, note(7))
    scene = Scene(forgetful, since=0, verify_every=EVERY)
    await scene.stop_after(EVERY + 50)
    assert (proofs(scene).failed, proofs(scene).sound, scene.shown) == (1, 0, [7])


async def test_more_than_can_be_fetched_is_a_gap_besides():
    server = DeafServer()
    server.drops = 1
    archive = Archive(holds=server.news)
    scene = Scene(server=server, since=0, archive=archive, verify_every=EVERY, pages=3)
    await server.publish_for(EVERY - 10, every=15.0)
    await scene.stop_after(2 * EVERY)
    assert [gap.recovered for gap in scene.of(Gap)] == [True, False]
    assert scene.shown == list(server.news)  # by the reconnect


async def test_a_proof_is_due_at_its_time_whatever_connections_come_and_go():
    server = DeafServer()
    scene = looked_at("by http", server, since=0)
    for _ in range(20):
        await asyncio.sleep(100)
        server.publish()
        await turns(10)
        server.cut(CUT)
    await scene.stop_after(10)
    assert proofs(scene).sound >= 5


class Pages:
    """An HTTP side that pages back from the newest, two at a time.

    Args:
        holds: the numbers it keeps, the oldest first.
    """

    def __init__(self, holds) -> None:
        self.holds = list(holds)
        self.asked: list = []

    async def fetch(self, token: str, known) -> list[dict]:
        self.asked.append(known["before"])
        before = known["before"] or max(self.holds, default=0) + 1
        older = [number for number in self.holds if number < before]
        return [dated(number) for number in older[::-1][:2]]


def dated(number: int) -> dict:
    sent = EPOCH + (number if number > 100 else 1000 * (number - 200))
    return {"type": "note", "id": number, "timestamp": utc_text(sent)}


def paged(holds, **how) -> tuple[Scene, Pages]:
    """A listener to whom 100 was handed over when it was proved last."""
    pages = Pages(holds)
    script = accepts(1.0, json.dumps(dated(100)))
    order = "newest first"
    scene = Scene(script, archive=pages, order=order, verify_every=EVERY, **how)
    return scene, pages


@pytest.mark.parametrize(
    ("later", "missed"),
    [
        ([*range(90, 101)], []),
        ([*range(90, 101), 101, 102, 103], [101, 102, 103]),
        ([*range(90, 100), 101, 102], [101, 102]),  # 100 was deleted
        ([*range(90, 100)], []),
        ([], []),
    ],
)
async def test_paging_back_ends_where_all_was_known_even_if_that_was_deleted(
    later, missed
):
    scene, pages = paged(range(90, 101))
    await asyncio.sleep(EVERY + 10)
    assert (scene.shown, proofs(scene).sound) == ([100], 1)
    pages.holds = later
    await scene.stop_after(EVERY + 10)
    assert scene.shown == [100, *missed]
    assert proofs(scene).recovered == len(missed)


async def test_what_was_there_before_a_listener_began_is_nobodys_loss():
    pages = Pages(range(90, 101))
    order = "newest first"
    scene = Scene(accepts(), archive=pages, order=order, verify_every=EVERY)
    await asyncio.sleep(3 * EVERY + 10)
    pages.holds.append(101)
    await scene.stop_after(EVERY)
    assert scene.shown == [101]


async def test_where_no_id_is_known_nor_a_time_can_be_asked_for_nothing_is_claimed():
    server = DeafServer()
    scene = looked_at("by a second socket", server, begins=False)
    await asyncio.sleep(2 * EVERY + 10)
    assert proofs(scene).proved_at is None
    assert len(server.openings) == 1
    server.publish()
    await asyncio.sleep(2 * EVERY)
    assert (proofs(scene).sound, proofs(scene).failed) == (1, 0)
    await scene.stop()


async def test_a_server_whose_clock_is_far_behind_is_asked_by_id_as_soon_as_can_be():
    pages = Pages(range(90, 101))
    late = json.dumps({**dated(200), "timestamp": utc_text(EPOCH - 3000)})
    scene = Scene(
        accepts(5.0, late), archive=pages, order="newest first", verify_every=EVERY
    )
    await asyncio.sleep(10)
    pages.holds.append(200)
    await scene.stop_after(3 * EVERY)
    assert scene.session.verifier.proofs.sound >= 2
    assert (scene.shown, scene.of(Gap)) == ([200], [])


@pytest.mark.parametrize("every", [0.3, 1.0])
async def test_what_comes_while_the_beginning_is_looked_for_is_no_part_of_the_past(
    every,
):
    server = DeafServer()
    server.drops = 5
    scene = looked_at("by a second socket", server)
    await asyncio.sleep(0.01)
    await server.publish_for(EVERY + 50, every=every)
    await scene.stop_after(EVERY + 20)
    assert sorted(scene.shown)[-5:] == list(server.news)[-5:]
    lost = set(server.news) - set(scene.shown)
    assert not {number for number in lost if number > 3 / every}


async def test_a_flood_is_looked_at_before_its_ids_are_forgotten():
    server = DeafServer()
    scene = looked_at("by http", server, since=0)
    await asyncio.sleep(1)
    scene.receiver.received += MANY
    await asyncio.sleep(10)
    assert proofs(scene).sound == 1
    await scene.stop()


NO_WAY = "it can neither be asked what was missed nor resume after an id"


@pytest.mark.parametrize(
    ("profile", "variables", "why"),
    [
        ("default", "", ""),
        ("directus", "", ""),
        ("directus", 'collection="a,b"', "with these variables it cannot be asked"),
        ("gotify", "", ""),
        ("nchan", "channel=news", ""),
        ("ntfy", "topic=news", ""),
        ("pusher", "app_key=k channel=c", NO_WAY),
        ("home-assistant", "", NO_WAY),
        ("mattermost", "", NO_WAY),
        ("centrifugo", "channel=news", NO_WAY),
        ("directus-graphql", "", NO_WAY),
    ],
)
def test_which_servers_can_be_verified(profile, variables, why):
    settings = Settings(
        url="wss://ws.example.com",
        profile=profile,
        variables=variables,
        token="t",
        cache_url="memory://",
    )
    want_verifiable(Authenticator(settings, print))
    auth = Authenticator(replace(settings, verify_every=EVERY), print)
    if not why:
        return want_verifiable(auth)
    with pytest.raises(ConfigurationError, match=why) as caught:
        want_verifiable(auth)
    assert "leave out --verify-every" in caught.value.hint
    return None
