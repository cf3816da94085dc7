"""A group whose parts fail: nothing is lost unsaid, and hardly anything is twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import until
from tests.support.group_scene import GROUP, GroupScene, Member, Shared
from tests.support.valkey import Nodes, Valkey, Watched

short_and_real = pytest.mark.parametrize("lease", [2.0, 10.0])
"""A short lease, and that of the contract."""
SOON = "--claim-after", "1"
"""What a killed member had in hand is taken over soon."""
CUT = "https://cut.example"
"""Where the server can be told to cut, or to ignore, somebody."""
replaying_or_not = pytest.mark.parametrize(
    "replays", [True, False], ids=["replays", "forgets"]
)


def first_of(*cases: tuple[Any, ...]) -> list[Any]:
    """Return cases: the first for every run, the others for the catalogue."""
    slow = [pytest.param(*case, marks=pytest.mark.slow) for case in cases[1:]]
    return [cases[0], *slow]


@pytest.fixture
def mortal() -> Iterator[Valkey]:
    """A Redis that may be killed."""
    with Valkey() as server:
        yield server


@pytest.fixture
def scene(clean_valkey, tmp_path, forks) -> Iterator[Callable[..., GroupScene]]:
    """Makes a scene; all that runs in it ends with the test."""
    made = []

    def make(redis: Shared = clean_valkey, **how: Any) -> GroupScene:
        made.append(GroupScene(tmp_path, redis, forks=forks, **how))
        return made[-1]

    yield make
    for each in made:
        each.leave()


def ends_well(
    group: GroupScene,
    *but: tuple[float, float],
    stream_of: Valkey | None = None,
    **how: Any,
) -> None:
    """End it: nothing is lost unsaid, or twice; one socket was open, but for spans."""
    group.end(**how)
    group.one_socket(*but)
    group.once_in_stream(stream_of)


def is_away(redis: Shared, seconds: float) -> None:
    redis.freeze()
    time.sleep(seconds)
    redis.thaw()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lease", "replays"),
    first_of((2.0, True), (2.0, False), (10.0, True), (10.0, False)),
)
def test_a_leader_that_is_killed_is_followed_by_another(scene, lease, replays):
    group = scene(lease=lease, replays=replays)
    leader, others = group.begin(3, 200, *SOON)
    with group.fault():
        killed = time.monotonic()
        leader.kill()
        group.leader_after(killed, within=1.5 * lease, among=others)
        group.flows(200)
    ends_well(group, gaps=not replays)


@pytest.mark.slow
@short_and_real
@replaying_or_not
def test_a_leader_that_was_asleep_writes_nothing_more(scene, lease, replays):
    group = scene(lease=lease, replays=replays)
    leader, others = group.begin(3, 200)
    with group.fault():
        asleep = time.monotonic()
        leader.freeze()
        group.leader_after(asleep, within=1.5 * lease, among=others)
        group.flows(200)
        leader.thaw()
        until(lambda: not leader.leads, "the end of its leadership")
        until(lambda: group.server.open == 1, "the end of its socket")
        awake = time.monotonic()
        group.flows(200)
    ends_well(group, (asleep, awake), gaps=not replays)


@pytest.mark.slow
@short_and_real
@replaying_or_not
def test_a_leader_that_only_redis_misses_becomes_a_member(scene, lease, replays):
    group = scene(lease=lease, replays=replays)
    with group.through(group.redis.port) as (line, _):
        url = f"redis://127.0.0.1:{line.port}/0"
        leader, others = group.begin(3, 200, leads={"REDIS_URL": url})
        with group.fault():
            parted = time.monotonic()
            line.up.swallows = line.down.swallows = True
            group.leader_after(parted, within=1.5 * lease, among=others)
            group.flows(200)
            line.up.swallows = line.down.swallows = False
            until(lambda: not leader.leads, "the end of its leadership")
            until(lambda: group.server.open == 1, "the end of its socket")
            healed = time.monotonic()
            group.flows(200)
        ends_well(group, (parted, healed), gaps=not replays)


@pytest.mark.slow
@short_and_real
@replaying_or_not
def test_a_leader_that_only_the_server_misses_lets_another_lead(scene, lease, replays):
    group = scene(lease=lease, replays=replays)
    leader, others = group.begin(3, 200, leads={"NOTIFYWS_ORIGIN": CUT})
    with group.fault():
        parted = time.monotonic()
        group.server.bar(CUT)
        group.leader_after(parted, within=1.5 * lease, among=others)
        group.flows(200)
    assert not leader.leads
    ends_well(group, gaps=not replays)


@pytest.mark.slow
def test_what_a_killed_member_had_in_hand_is_run_by_another(scene):
    group = scene(lease=2.0)
    log = group.redis.folder / "ran"
    log.unlink(missing_ok=True)
    hook = group.hook(
        "note = json.load(sys.stdin)\n"
        "time.sleep(0.02)\n"
        f"open({str(log)!r}, 'a').write(f\"{{note['id']}}\\n\")"
    )
    _, others = group.begin(3, 20, "--exec", hook, *SOON)
    with group.fault():
        others[0].kill()
        group.flows(40)
    born = group.server.stop_sending()

    def left():
        ran = {int(line) for line in log.read_text().split()}
        return not set(born) - ran

    until(left, "every number's run", 20)
    ran = [int(line) for line in log.read_text().split()]
    assert len(ran) - len(set(ran)) <= 2


@pytest.mark.slow
def test_a_rolling_restart_loses_nothing(scene):
    group = scene()
    _, _ = group.begin(5, 200)
    with group.fault():
        for old in list(group.members):
            old.signal(15)
            assert old.wait() == -15, old.err.text
            group.join()
            group.flows(100)
    ends_well(group)
    for each in group.members:
        group.in_order(each)


@pytest.mark.parametrize("replays", first_of((False,), (True,)))
def test_a_stream_that_is_taken_away_is_appended_again(scene, replays):
    """Seen: 1,541 notifications gone, no word, and ``status`` said: nothing behind."""
    group = scene(lease=2.0, replays=replays)
    group.begin(2, 500)
    for _ in range(3):
        with group.fault():
            group.redis.command("DEL", group.stream)
            group.flows(1500)
    group.end(twice=0.3)
    group.one_socket()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lease", "away", "count"),
    first_of(
        (4.0, 2.0, 1),
        (4.0, 2.0, 3),
        (2.0, 4.0, 1),
        (2.0, 4.0, 3),
        (10.0, 5.0, 3),
        (10.0, 15.0, 1),
        (10.0, 15.0, 3),
    ),
)
def test_what_comes_while_redis_is_away_is_appended_in_order(scene, lease, away, count):
    group = scene(lease=lease, replays=False)
    leader, _ = group.begin(count, 200)
    with group.fault():
        is_away(group.redis, away)
        group.flows(200 * away + 200)
    assert leader.leads
    ends_well(group)
    for each in group.members:
        group.in_order(each)


@pytest.mark.slow
@replaying_or_not
@pytest.mark.parametrize("away", [None, 0.0, 8.0])
def test_a_redis_flushed_or_come_back_empty_costs_a_gap_that_is_said(
    scene, mortal, replays, away
):
    group = scene(mortal, lease=2.0, replays=replays)
    leader, _ = group.begin(3, 200)
    with group.fault():
        if away is None:
            group.redis.flush()
        else:
            group.redis.kill()
            time.sleep(away)
            group.redis.start()
        group.flows(200 * (away or 0) + 400)
    assert leader.leads
    ends_well(group, gaps=True)
    assert group.gaps()


@pytest.mark.slow
@replaying_or_not
@pytest.mark.parametrize("kind", [Watched, Nodes])
def test_a_primary_or_a_cluster_node_that_dies_loses_nothing_not_appended_again(
    scene, replays, kind
):
    with kind() as servers:
        group = scene(servers, replays=replays)
        leader, _ = group.begin(3, 500)
        with group.fault():
            servers.fail_over()
            group.flows(3000)
        assert leader.leads
        ends_well(
            group,
            stream_of=servers.primary if kind is Watched else servers.nodes[3],
        )
        group.leave()


@pytest.mark.slow
@replaying_or_not
def test_lines_to_redis_that_are_cut_over_and_over_make_nothing_twice(scene, replays):
    group = scene(lease=2.0, replays=replays)
    with group.through(group.redis.port) as (line, thread):
        url = f"redis://127.0.0.1:{line.port}/0"
        leader, _ = group.begin(3, 300, REDIS_URL=url)
        with group.fault():
            line.down.delay = 0.02  # answers are lost more often than words
            stop = thread.do(line.cut_every(0.25))
            time.sleep(4)
            stop()
            line.down.delay = 0.0
            group.flows(600)
        assert leader.leads
        ends_well(group, twice=1.0)  # what is printed may not be acknowledged


@pytest.mark.slow
@replaying_or_not
def test_a_leader_that_is_killed_while_its_spool_drains_leaves_no_hole(scene, replays):
    group = scene(lease=6.0, replays=replays)
    with group.through(group.redis.port) as (line, _):
        url = f"redis://127.0.0.1:{line.port}/0"
        leader, others = group.begin(3, 500, *SOON, leads={"REDIS_URL": url})
        with group.fault():
            line.up.swallows = line.down.swallows = True
            time.sleep(3)
            appended = group.in_stream
            line.up.swallows = line.down.swallows = False
            line.down.delay = 0.3  # so that it takes a while
            until(lambda: group.in_stream >= appended + 400, "the first of its spool")
            killed = time.monotonic()
            leader.kill()
            assert group.in_stream < appended + 1500
            group.leader_after(killed, within=9, among=others)
            group.flows(500)
        group.end(gaps=not replays)
        group.once_in_stream()


@pytest.mark.slow
def test_what_a_killed_leader_had_spooled_is_appended_by_the_next_on_its_host(scene):
    group = scene(lease=2.0, replays=False)
    leader, _ = group.begin(1, 200)
    with group.fault():
        group.redis.freeze()
        time.sleep(2.5)
        leader.kill()
        killed = time.time()
        group.redis.thaw()
        group.join(*SOON, home=leader.home)
        group.flows(500)
    born = group.end(gaps=True)
    spooled = {n for n, at in born.items() if at < killed - 0.2}
    assert spooled <= group.handled.keys()
    group.once_in_stream()


@pytest.mark.slow
@replaying_or_not
def test_a_spool_that_is_full_is_a_slow_reader_like_any_other(scene, replays):
    group = scene(lease=4.0, replays=replays)
    room = {"NOTIFYWS_QUEUE_DISK": "20000", "NOTIFYWS_QUEUE_COUNT": "100"}
    leader, _ = group.begin(1, 300, **room)
    with group.fault():
        is_away(group.redis, 7)
        group.flows(500)
    assert leader.leads
    assert leader.events("disconnected") if replays else group.gaps()
    group.end(gaps=not replays)
    group.once_in_stream()
    group.in_order(leader)


@pytest.mark.slow
@replaying_or_not
def test_a_server_that_falls_silent_for_the_leader_alone_is_left_to_another(
    scene, replays
):
    group = scene(lease=2.0, replays=replays)
    _, others = group.begin(3, 200, leads={"NOTIFYWS_ORIGIN": CUT})
    with group.fault():
        parted = time.monotonic()
        group.server.ignore(CUT)
        group.leader_after(parted, within=8, among=others)
        group.flows(200)
    group.end(gaps=not replays)
    group.once_in_stream()


@pytest.mark.slow
def test_what_has_one_key_stays_in_order_while_members_come_and_go(scene):
    group = scene(lease=2.0)
    keyed = "--key", "data.key"
    group.begin(2, 200, *keyed)
    with group.fault():
        for _ in range(3):
            group.join(*keyed)
            group.flows(200)
            old = next(each for each in group.members if each.process.poll() is None)
            old.signal(15)
            assert old.wait() == -15, old.err.text
            group.flows(200)
    group.end()
    group.in_order_by_key()


@pytest.mark.slow
def test_what_has_one_key_stays_in_order_while_redis_is_away(scene):
    group = scene(lease=2.0)
    group.begin(3, 200, "--key", "data.key", "--claim-after", "1")
    with group.fault():
        is_away(group.redis, 4)
        group.flows(1000)
    group.end()
    group.in_order_by_key()


@pytest.mark.slow
def test_of_two_sockets_one_may_die_without_a_gap(scene):
    group = scene(lease=2.0, replays=False)
    leader, _ = group.begin(3, 200, "--sockets", "2", *SOON)
    until(lambda: group.server.open == 2, "two sockets")
    group.flows(200)
    began = time.time()
    with group.fault():
        killed = time.monotonic()
        leader.kill()
        until(lambda: group.server.open == 2, "another second socket")
        assert time.monotonic() - killed < 5
        group.flows(200)
    born = group.end(gaps=True)
    assert born.keys() <= group.handled.keys()
    assert not [(a, b) for a, b in group.gaps() if b > began]
    group.once_in_stream()


@pytest.mark.slow
def test_two_sockets_that_are_cut_at_once_have_a_gap(scene):
    """Seen: each counted as open for the other, and all was said to be recovered."""
    group = scene(lease=2.0, replays=False)
    group.begin(2, 200, "--sockets", "2", NOTIFYWS_ORIGIN=CUT)
    until(lambda: group.server.open == 2, "two sockets")
    group.flows(200)
    with group.fault():
        group.server.bar(CUT)
        until(lambda: group.server.open == 0, "none")
        time.sleep(0.5)
        group.server.admit(CUT)
        until(lambda: group.server.open == 2, "two sockets again")
        group.flows(400)
    born = group.end(gaps=True)
    assert born.keys() > group.handled.keys()


def held_up(group: GroupScene, *args: str) -> tuple[Member, Path]:
    """Start a leader whose hook waits for a file; it has all in hand that it can."""
    go = group.redis.folder / "go"
    go.unlink(missing_ok=True)
    hook = f"sh -c 'until [ -e {go} ]; do sleep 0.1; done'"
    member = group.join("--exec", hook, *SOON, *args)
    until(lambda: member.events("connected"), "a connection")
    group.server.rate(500)
    until(lambda: group.handled.total() >= 1000, "as many as one takes in hand")
    return member, go


def some_more(group: GroupScene) -> None:
    """Have numbers appended that nobody takes, and let two beats pass."""
    group.server.rate(500)
    time.sleep(3)
    group.server.rate(0)
    time.sleep(1.5)


@pytest.mark.slow
def test_a_redis_that_goes_back_to_another_leader_is_told_again_what_came_since(scene):
    """Seen: who led was deposed, and all that had waited was in nobody's hands."""
    group = scene(lease=2.0, replays=False)
    with group.fault():  # what the first has in hand, another one handles again
        first, go = held_up(group)
        group.server.rate(0)
        time.sleep(0.5)
        kept = group.redis.snapshot()
        second = group.join(*first.args)
        first.signal(15)
        assert first.wait() == -15, first.err.text
        until(lambda: second.events("connected"), "another leader")
        began = time.time()
        some_more(group)
        group.redis.go_back(kept)
        time.sleep(1.5)
        go.touch()
    born = group.end(twice=1.0, gaps=True)
    since = {n for n, at in born.items() if at > began}
    until(lambda: since <= group.handled.keys(), "what came since")


@pytest.mark.slow
@pytest.mark.parametrize("sockets", ["1", "2"])
def test_a_stream_that_somebody_takes_away_is_filled_again(scene, sockets):
    """Seen: of two sockets, Redis still knew what it had had, and took nothing."""
    group = scene(lease=2.0)
    with group.fault():
        _, go = held_up(group, "--sockets", sockets)
        some_more(group)
        (stream,) = group.redis.command("KEYS", f"*:group:{GROUP}")
        group.redis.command("DEL", stream)
        time.sleep(1.5)
        go.touch()
    group.end(twice=1.0)
