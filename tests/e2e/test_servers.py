"""``listen --server A --server B``: one process, and who said what is always known."""

from __future__ import annotations

import json
import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.e2e.support import Server, plain_http, until
from tests.support.catalogue import sample

PASSWORD = "one"


@pytest.fixture
def servers(home):
    """Two development servers, ``work`` and ``home``, with a user and password each."""
    both = {
        "work": Server(users={"ada": PASSWORD}),
        "home": Server(users={"eve": "two"}),
    }
    write(home, work=("ada", both["work"].url), home=("eve", both["home"].url))
    yield both
    home.leave()
    for each in both.values():
        each.stop()


def write(home, /, *, passwords=("one", "two"), **entries):
    file = home.path / "config.toml"
    home.env["NOTIFYWS_CONFIG"] = str(file)
    told = [
        f'[servers.{name}]\nurl = "{url}"\nusername = "{user}"\npassword = "{word}"\n'
        for (name, (user, url)), word in zip(entries.items(), passwords, strict=False)
    ]
    file.write_text("".join(told))


def listening(home, *args, **how):
    """Start a listener and wait until it is connected to both."""
    listener = home.start("listen", *args, **how)
    listener.says("work: Connected")
    listener.says("home: Connected")
    return listener


def by_server(notes):
    return {(each["server"], each["title"]) for each in notes}


def test_each_line_says_where_it_came_from_whatever_the_server_says(home, servers):
    listener = listening(home, "--all", "--json", "-n", "3")
    servers["work"].notify(1)
    servers["home"].notify(2)
    servers["home"].dev("notify", [{"type": "t", "title": "3", "server": "work"}])
    assert listener.wait() == 0
    notes = listener.said
    assert by_server(notes) == {("work", "1"), ("home", "2"), ("home", "3")}


def test_events_say_which_server_too(home, servers):
    named = ("--server", "work", "--server", "home")
    soon = {"NOTIFYWS_RETRY_DELAYS": "0.1"}
    listener = listening(home, *named, "--json", "--events", **soon)
    servers["home"].dev("cut", {})
    until(lambda: '"reconnecting"' in listener.out.text, "a reconnect")
    listener.says("home: Connected", 2)
    assert listener.end() == -signal.SIGTERM
    events = listener.said
    cut = {each["server"] for each in events if each["event"] == "reconnecting"}
    assert cut == {"home"}
    assert [each["server"] for each in events if each["event"] == "closed"]
    assert all(each["server"] in ("work", "home") for each in events)


def test_count_is_over_all_and_filters_and_shapes_know_the_server(home, servers):
    shape = ("--format", "{server} {title}", "--filter", "server == 'home'")
    listener = listening(home, "--all", "-n", "2", *shape)
    servers["work"].notify(1, 2, 3)
    servers["home"].notify(4, 5, 6)
    assert listener.wait() == 0
    assert listener.out.lines == ["home 4", "home 5"]


def test_plain_lines_and_the_file_of_tee_say_it_too(home, servers):
    listener = listening(home, "--all", "--plain", "--tee", "kept", "-n", "1")
    servers["home"].notify(7)
    assert listener.wait() == 0
    assert re.fullmatch(r"\S+ • home │ 7", listener.out.text)
    [kept] = (home.path / "kept").read_text().splitlines()
    assert (json.loads(kept)["server"], json.loads(kept)["title"]) == ("home", "7")


def test_hooks_are_told_too_also_of_what_waited_on_disk(home, servers):
    hook = "sh -c 'echo $NOTIFICATION_SERVER; cat'"
    more = ("--name", "both", "--exec", hook)
    listener = listening(home, "--all", "-n", "2", *more)
    servers["work"].notify(1)
    servers["home"].notify(2)
    assert listener.wait() == 0
    told = listener.err.lines
    assert {"work", "home"} <= {*told}
    handed = [json.loads(line) for line in told if line.startswith("{")]
    assert by_server(handed) == {("work", "1"), ("home", "2")}


def test_tokens_are_apart_and_each_password_goes_to_its_own_server(home, servers):
    listener = listening(home, "--all", "--json", WEBSOCKET_PASSWORD="nobody's")
    assert all(each.stats["logins"] == 1 for each in servers.values())
    listener.end()
    again = listening(home, "--all", "--json", "-n", "1")
    servers["work"].notify(1)
    assert again.wait() == 0
    assert all(each.stats["logins"] == 1 for each in servers.values())


def test_one_that_is_refused_leaves_the_other_alone_and_is_the_end_of_it(home, servers):
    urls = {"work": ("ada", servers["work"].url), "home": ("eve", servers["home"].url)}
    write(home, passwords=("wrong-one", "two"), **urls)
    listener = home.start("listen", "--all", "--json", "-q")
    listener.says("error: work: ")
    listener.says("; the others go on")
    until(lambda: servers["home"].stats["connections"], "a connection")
    servers["home"].notify(1)
    listener.prints(1)
    assert listener.end() == -signal.SIGTERM


def test_when_all_have_ended_the_first_that_failed_says_why(home, servers):
    nobody = servers["home"].url
    servers["home"].stop()
    urls = {"work": ("ada", servers["work"].url), "home": ("eve", nobody)}
    write(home, passwords=("wrong-one", "two"), **urls)
    done = home.within("listen", "--all", "--json", "--no-reconnect")
    assert done.returncode in (4, 5)
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    first = "work" if done.returncode == 4 else "home"
    assert error["message"].startswith(f"{first}: ")
    assert {"error: work", "error: home"} <= {*re.findall("error: [a-z]+", done.stderr)}


@pytest.mark.slow
def test_with_any_the_first_that_ends_ends_all(home, servers):
    urls = {"work": ("ada", servers["work"].url), "home": ("eve", servers["home"].url)}
    write(home, passwords=("wrong-one", "two"), **urls)
    done = home.within("listen", "--all", "--any")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[-1].startswith("hint: ")


def test_one_entry_is_one_of_several_with_all_and_none_without(home, servers):
    write(home, work=("ada", servers["work"].url))
    several = home.start("listen", "--all", "--json", "-n", "1")
    several.says("work: Connected")
    alone = home.start("listen", "--server", "work", "--json", "-n", "1")
    until(lambda: "\nConnected" in alone.err.text, "a connection")
    servers["work"].notify(1)
    assert (several.wait(), alone.wait()) == (0, 0)
    assert json.loads(several.out.text)["server"] == "work"
    assert "server" not in json.loads(alone.out.text)


def test_the_live_view_names_the_server_on_each_card_and_has_a_line_for_each(
    home, servers, terminal
):
    screen = terminal("listen", "--all", columns=100, rows=24)
    screen.shows("🟢 work  Connected")
    screen.shows("🟢 home  Connected")
    servers["work"].notify(11)
    servers["home"].notify(22)
    screen.shows("work │ 11")
    screen.shows("home │ 22")
    screen.shows("1 received")
    assert screen.text.count("Connected") == 2
    servers["home"].stop()
    screen.shows("🟡 home  Reconnecting")
    screen.shows("🟢 work  Connected")
    screen.type("q")
    screen.process.wait(20)
    assert screen.process.returncode == 0
    until(lambda: "Connected" not in screen.text, "the terminal given back")


def test_metrics_and_probes_tell_the_servers_apart(home, servers):
    listener = listening(home, "--all", "--json", "--metrics", "0")
    listener.says("Metrics on ")
    url = re.search(r"(http://\S+)/metrics", listener.err.text)[1]
    servers["home"].notify(1)
    listener.prints(1)
    with plain_http() as client:
        page = client.get(f"{url}/metrics").text
        assert 'notifyws_received_total{entry="home"} 1.0' in page
        assert 'notifyws_received_total{entry="work"} 0.0' in page
        assert client.get(f"{url}/readyz").text == "ready\n"
        servers["work"].stop()
        until(lambda: client.get(f"{url}/readyz").status_code == 503, "its absence")
        assert client.get(f"{url}/readyz").text.startswith("work: ")


@pytest.mark.slow
def test_in_a_group_each_member_says_it_by_its_own_name(home, servers, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    hook = ("--exec", "sh -c 'echo by $NOTIFICATION_SERVER'")
    args = ("--group", "workers", "--all", "--json", "--events", "-n", "2", *hook)
    listener = home.start("listen", *args)
    for name in servers:
        listener.says(f"{name}: Leading the group workers")
        listener.says(f"{name}: Connected")
    servers["work"].notify(1)
    servers["home"].notify(2)
    assert listener.wait() == 0
    told = listener.said
    assert by_server(each for each in told if "type" in each) == SAID
    assert all(each["server"] in servers for each in told)
    assert {"by work", "by home"} <= {*listener.err.lines}
    kept = [clean_valkey.command("XRANGE", x, "-", "+") for x in streams(clean_valkey)]
    assert len(kept) == 2
    assert b'"server"' not in repr(kept).encode()


def test_an_option_that_one_of_them_cannot_have_names_it(home):
    nobody = "ws://127.0.0.1:1"
    write(home, work=("ada", nobody), home=("eve", f'{nobody}"\nprofile = "pusher'))
    done = home.within("listen", "--all", "--verify-every", "5m")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2].startswith("error: home: ")


def test_two_entries_of_one_account_are_listened_to_once(home, servers):
    url = servers["work"].url
    write(home, passwords=["one"] * 2, work=("ada", url), also=("ada", url))
    listener = home.start("listen", "--all", "--name", "desk", "--json", "-n", "1")
    listener.says("warning: also is left out: it is the same account as work")
    listener.says("work: Connected")
    servers["work"].notify(1)
    assert listener.wait() == 0


def test_a_listener_with_the_name_of_a_server_is_told_what_that_means(home, servers):
    args = ("--server", "work", "--json", "-n", "1", "--name")
    listener = home.start("listen", *args, "home")
    listener.says("warning: --name home is what this listener is called")
    listener.says("to listen to that server: --server home")
    listener.says("Connected")
    servers["work"].notify(1)
    assert listener.wait() == 0
    other = home.start("listen", *args, "work")
    other.says("Connected")
    servers["work"].notify(1)
    assert other.wait() == 0
    assert "--name" not in other.err.text


def test_when_it_is_enough_what_any_of_them_brought_is_handed_on_first(home, servers):
    slow = "sh -c 'test $NOTIFICATION_SERVER = home || sleep 2; echo done'"
    listener = listening(home, "--all", "--json", "-n", "2", "--exec", slow)
    servers["work"].notify(1)
    listener.prints(1)
    servers["home"].notify(2)
    assert listener.wait() == 0
    assert listener.err.lines.count("done") == 2
    assert "Gap" not in listener.err.text


SAID = {("work", "1"), ("home", "2")}


def streams(valkey):
    return valkey.command("KEYS", "notifyws:*:group:workers")


REFUSED = [
    (["--all", "--server", "work"], "--all and --server exclude each other", "one"),
    (["--server", "work", "--any"], "--any goes with several servers", "--all"),
    (["--all", "--url", "ws://h"], "--url goes with one server", "--server NAME"),
    (["--all", "--since", "abc"], "--since ID goes with one server", "--server"),
    (["--all", "--record", "f"], "--record goes with one server", "--server NAME"),
    (["--all", "--demo"], "--demo goes with one server", "--server NAME"),
    (["--server", "work", "--server", "hme"], "no server 'hme' in", "home?"),
]


@pytest.mark.parametrize("case", sample(*REFUSED, often=2))
def test_what_makes_no_sense_of_several_is_said(home, case):
    args, said, hint = case
    nobody = "ws://127.0.0.1:1"
    write(home, work=("ada", nobody), home=("eve", nobody))
    done = home.within("listen", *args)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert said in first
    assert hint in second


@pytest.mark.slow
def test_the_page_about_servers_can_be_done_as_it_stands(home, servers):
    page = (Path(__file__).resolve().parents[2] / "docs/servers.md").read_text("utf-8")
    listens, logins = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    for line in logins.splitlines():
        assert "Logged in" in home.shell(line).stderr
    for line in listens.splitlines():
        listener = listening(home, *shlex.split(line)[2:], "--timeout", "20")
        for _ in range(2):
            for each in servers.values():
                each.notify(1)
        if "-n" not in line:
            listener.prints(4)
            listener.signal(signal.SIGTERM)
        assert listener.wait() in (0, -signal.SIGTERM)
        assert listener.out.lines
