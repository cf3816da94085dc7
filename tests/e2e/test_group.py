"""``listen --group`` as its users meet it: shares, options, errors in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.support import Home, Running, Server, until
from tests.support.valkey import Valkey


@pytest.fixture
def group(home: Home, server: Server, clean_valkey: Valkey) -> Home:
    home.env["REDIS_URL"] = clean_valkey.url
    return home


def join(home: Home, *args: str, **env: str) -> Running:
    """Start a member and wait until it has its place."""
    member = home.start("listen", "--group", "workers", *args, **env)
    until(
        lambda: " the group workers" in member.err.text,
        f"its place in {member.err.text!r}",
    )
    return member


def lead(home: Home, *args: str, **env: str) -> Running:
    """Start the first member and wait until it is connected."""
    leader = join(home, *args, **env)
    leader.says("Connected")
    return leader


def titles(*members: Running) -> list[int]:
    return sorted(int(json.loads(x)["title"]) for m in members for x in m.out.lines)


def key_of(valkey: Valkey, ending: str = "") -> str:
    names = valkey.command("KEYS", f"notifyws:*:group:workers{ending}")
    [name] = [name.decode() for name in names]
    return name


def test_each_goes_to_one_member_and_one_socket_is_open(group: Home, server: Server):
    members = [lead(group, "--json"), join(group, "--json"), join(group, "--json")]
    server.notify(*range(60))
    until(lambda: len(titles(*members)) == 60, "all of them")
    assert titles(*members) == list(range(60))
    assert server.stats["live"] == 1
    for member in members:
        member.end()
        assert "Traceback" not in member.err.text


def test_one_that_has_enough_gives_the_rest_back(group: Home, server: Server):
    one = lead(group, "--json", "-n", "3")
    server.notify(*range(40))
    assert one.wait() == 0
    other = join(group, "--json", "-n", "37")
    assert other.wait() == 0
    assert titles(one, other) == list(range(40))


def test_what_a_filter_excludes_goes_to_nobody(group: Home, server: Server):
    one = lead(group, "--json", "--filter", "title == '7'", "-n", "1")
    server.notify(*range(10))
    assert one.wait() == 0
    assert titles(one) == [7]
    left = json.loads(group.within("status", "--group", "workers", "--json").stdout)
    assert left["lag"] + left["pending"] == 2  # 8 and 9 are left


def test_until_ends_the_member_to_which_it_falls(group: Home, server: Server):
    one = lead(group, "--json", "--until", "title == '4'")
    server.notify(*range(8))
    assert one.wait() == 0
    assert titles(one) == [0, 1, 2, 3, 4]


def test_what_hooks_and_files_get_is_acknowledged_then(group: Home, server: Server):
    tee, out = group.path / "tee", group.path / "out"
    hook = f"sh -c 'cat >> {out}'"
    one = lead(group, "--json", "--exec", hook, "--tee", str(tee))
    server.notify(*range(5))
    until(lambda: out.exists() and len(_lines(out)) == 5, "the hook's lines")
    assert [json.loads(each)["title"] for each in _lines(out)] == list("01234")
    assert [json.loads(each)["title"] for each in _lines(tee)] == list("01234")

    def pending() -> int:
        return json.loads(group.within("status", "--json").stdout)["groups"][0][
            "pending"
        ]

    until(lambda: pending() == 0, "all acknowledged")
    one.end()


def _lines(path: Path) -> list[str]:
    return path.read_text().replace("}{", "}\n{").splitlines()


@pytest.mark.slow
def test_with_a_key_what_has_the_same_stays_in_order(group: Home, server: Server):
    members = [lead(group, "--json", "--key", "type")]
    members += [join(group, "--json", "--key", "type") for _ in range(2)]
    many = [{"type": f"t{n % 7}", "title": str(n)} for n in range(210)]
    server.dev("notify", many)
    until(lambda: len(titles(*members)) == 210, "all of them")
    owner: dict[str, int] = {}
    for number, member in enumerate(members):
        seen: dict[str, int] = {}
        for line in map(json.loads, member.out.lines):
            assert owner.setdefault(line["type"], number) == number
            assert int(line["title"]) > seen.get(line["type"], -1)
            seen[line["type"]] = int(line["title"])


def test_several_sockets_bring_each_id_once(group: Home, server: Server):
    members = [lead(group, "--json", "--sockets", "2") for _ in range(2)]
    until(lambda: server.stats["live"] == 2, "two sockets")
    server.notify(*range(50))
    until(lambda: len(titles(*members)) >= 50, "all of them")
    assert titles(*members) == list(range(50))


@pytest.mark.slow
def test_the_stream_can_be_read_again_and_nobody_else_notices(
    group: Home, server: Server
):
    one = lead(group, "--json")
    server.notify(*range(10))
    until(lambda: len(one.out.lines) == 10, "all of them")
    again = group.within(
        "listen", "--group", "workers", "--since", "10m", "--json", "-n", "10"
    )
    assert [json.loads(each)["title"] for each in again.stdout.splitlines()] == [
        str(n) for n in range(10)
    ]
    ident = json.loads(one.out.lines[6])["id"]
    rest = group.within(
        *("listen", "--group", "workers", "--since", str(ident)), *("--json", "-n", "3")
    )
    assert [json.loads(x)["title"] for x in rest.stdout.splitlines()] == list("789")
    unknown = group.within(
        "listen", "--group", "workers", "--since", "nonesuch", "--json"
    )
    assert unknown.returncode == 2
    assert "keeps no notification nonesuch" in unknown.stderr
    assert len(one.out.lines) == 10
    facts = json.loads(group.within("status", "--group", "workers", "--json").stdout)
    assert [each["role"] for each in facts["members"]] == ["leader"]


def test_events_say_who_leads(group: Home, server: Server):
    one = lead(group, "--json", "--events")
    other = join(group, "--json", "--events")
    first = json.loads(one.out.lines[0])
    assert (first["event"], first["group"], first["role"]) == (
        "group",
        "workers",
        "leader",
    )
    until(lambda: other.out.lines, "its events")
    [told] = other.said
    assert (told["role"], told["leader"]) == ("member", first["leader"])


@pytest.mark.slow
def test_status_tells_how_the_group_stands(group: Home, server: Server):
    nobody = group.within("status", "--group", "workers")
    assert nobody.returncode == 5
    assert "nobody leads the group workers" in nobody.stderr
    one, other = lead(group, "--json"), join(group, "--json")
    server.notify(1, 2, 3)
    until(lambda: len(titles(one, other)) == 3, "all of them")

    def facts() -> dict:
        whole = json.loads(group.within("status", "--json").stdout)
        return whole["groups"][0] if whole["groups"] else {}

    until(lambda: facts().get("pending") == 0, "all acknowledged")
    found = facts()
    assert found["name"] == "workers"
    assert (found["lag"], found["kept"], found["gaps"]) == (0, 3, 0)
    assert sorted(each["role"] for each in found["members"]) == ["leader", "member"]
    leader = next(each for each in found["members"] if each["role"] == "leader")
    assert leader["pid"] == one.process.pid
    assert found["leader"].endswith(f":{one.process.pid}")
    shown = group.within("status", "--group", "workers")
    assert shown.returncode == 0
    assert f"pid {other.process.pid}" in shown.stdout


# Bad input has a sentence.


def refused(home: Home, *args: str, **env: str) -> str:
    done = home.within("listen", *args, "--json", "--timeout", "20", env=env)
    assert done.returncode == 2, done.stderr
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["hint"]
    return str(error["message"])


def test_a_group_needs_a_redis_that_is_shared(home: Home, server: Server):
    assert "needs a Redis" in refused(home, "--group", "w")
    memory = {"NOTIFYWS_CACHE_URL": "memory://"}
    assert "needs a Redis" in refused(home, "--group", "w", **memory)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--group", " "], "a group's name has 1 to 64 printable characters"),
        (["--group", "a" * 65], "a group's name has 1 to 64 printable characters"),
        (["--group", "a\tb"], "a group's name has 1 to 64 printable characters"),
        (["--key", "type"], "--key goes with --group"),
        (["--claim-after", "5"], "--claim-after goes with --group"),
        (["--sockets", "2"], "--sockets goes with --group"),
        (["--group", "w", "--key", "]"], "--key"),
        (["--group", "w", "--key", ""], "--key names nothing"),
        (["--group", "w", "--sockets", "0"], "--sockets must be 1 or more"),
        (["--group", "w", "--sockets", "9"], "--sockets must be 8 or less"),
        (["--group", "w", "--claim-after", "0"], "--claim-after must be more than 0"),
        (["--group", "w", "--name", "x"], "--group and --name exclude each other"),
        (["--group", "w", "--demo"], "--group and --demo exclude each other"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(group: Home, args, words):
    assert words in refused(group, *args)


def test_frames_as_received_are_not_what_a_group_shares(group: Home):
    done = group.within("listen", "--group", "w", "--raw")
    assert done.returncode == 2
    assert "--group and --raw exclude each other" in done.stderr


@pytest.mark.slow
def test_a_group_of_another_version_is_left_alone(group: Home, clean_valkey: Valkey):
    lead(group, "--json").stop()
    clean_valkey.command("HSET", key_of(clean_valkey, ":meta"), "v", "2")
    said = refused(group, "--group", "workers")
    assert said == "the group workers was made by another version of notifyws"


@pytest.mark.slow
def test_all_members_have_the_same_key(group: Home):
    lead(group, "--json", "--key", "type").stop()
    assert refused(group, "--group", "workers") == "the group workers has --key 'type'"
    other = refused(group, "--group", "workers", "--key", "title")
    assert other == "the group workers has --key 'type'"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["xadd", "xreadgroup", "xpending", "eval", "xack"])
def test_the_command_that_redis_forbids_is_named(
    group: Home, server: Server, clean_valkey: Valkey, command
):
    user = f"ACL SETUSER short on >pw ~* &* +@all -evalsha -{command}"
    clean_valkey.command(*user.split())
    try:
        url = clean_valkey.url.replace("//", "//short:pw@")
        member = group.start(
            "listen", "--group", "w", "--json", "--timeout", "20", REDIS_URL=url
        )
        if command in ("xadd", "xack"):
            member.says("Connected")
            server.notify(1)
        assert member.wait() == 2
        assert command in json.loads(member.err.lines[-1])["error"]["message"]
    finally:
        clean_valkey.command("ACL DELUSER", "short")
