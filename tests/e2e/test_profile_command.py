"""notifyws profile: list, show, check, schema and new, as a user types them."""

import json
from pathlib import Path

import pytest

from tests.support.har import ALERT, HOST, IN, SHAPES, har, login, socket

NEW = ("profile", "new")


def test_profiles_are_listed_with_what_they_were_tried_against(home):
    done = home.run("profile", "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert set(rows) >= {"default", "directus", "home-assistant", "nchan", "pusher"}
    assert rows["directus"]["tried"] == "Directus 10.13.4, 11.17.4 and 12.3.1"
    assert "not run" in rows["gotify"]["tried"]
    plain = home.within("profile", "list").stdout
    assert "not run against the real server" in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_a_profile_is_shown_as_it_is_written(home):
    assert 'name = "directus"' in home.within("profile", "show", "directus").stdout
    done = home.within("profile", "show", "directsu")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean directus?" in done.stderr


def test_the_schema_is_one_that_editors_read(home):
    schema = json.loads(home.within("profile", "schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["additionalProperties"] is False
    missing = [
        f"{name}.{key}"
        for name, table in {"": schema, **schema["$defs"]}.items()
        for key, said in table["properties"].items()
        if "description" not in said
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[http.login]\npth = '/x'", "own.toml:4:1: http.login.pth", "path?"),
        ("[socket]\nsnd = 1", "own.toml:4:1: socket.snd: unknown key", "known: "),
        ("[tokens]\naccess = 'a['", "own.toml:4:13: tokens.access: not a JMES", "jp"),
    ],
)
def test_a_mistake_is_shown_with_line_and_column(home, text, said, hint):
    rule = "rules = [{ then = 'notification' }]"
    (home.path / "own.toml").write_text(f"name = 'own'\n{rule}\n{text}\n")
    done = home.within("profile", "check", "own.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert hint in done.stderr


def test_a_profile_is_walked_step_by_step_without_showing_a_secret(home, server):
    check = ["profile", "check", "default", "--url", server.url, "--json"]
    done = home.within(*check, "--timeout", "0.5")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    outcomes = {step["name"]: step["status"] for step in said["steps"]}
    assert outcomes == {
        "login": "pass",
        "refresh": "pass",
        "verify": "skip",
        "socket": "pass",
        "first frame": "pass",
        "ping": "pass",
        "ids": "pass",
    }
    login = said["steps"][0]["trace"]
    assert '"password":"***"' in login[0]
    assert '"accessToken": "***"' in login[1]


def test_a_walk_ends_at_the_first_step_that_fails(home, server):
    wrong = {"WEBSOCKET_PASSWORD": "sentinel-wrong"}
    done = home.within("profile", "check", "default", "--url", server.url, env=wrong)
    assert done.returncode == 4
    assert "✖ login" in done.stdout
    assert "✔" not in done.stdout
    assert "refused the login of demo: wrong username or password" in done.stderr
    assert "sentinel" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_new_profile_is_drafted_from_a_sample_and_never_overwritten(home):
    sample = {"items": [{"id": 1, "subject": "s", "body": "b"}]}
    said = ["profile", "new", "--name", "acme", "--login-path", "/in", "--sample", "-"]
    done = home.within(*said, stdin=json.dumps(sample))
    assert (done.returncode, done.stdout) == (0, "")
    assert "notifyws profile check acme" in done.stderr
    shown = home.within("profile", "show", "acme").stdout
    assert 'title = "subject"' in shown
    assert home.within("profile", "check", "acme").returncode == 0
    rows = json.loads(home.within("profile", "list", "--json").stdout)
    assert {row["name"]: row["source"] for row in rows}["acme"] == "yours"
    again = home.within(*said, stdin="{}")
    assert again.returncode == 2
    assert home.within("profile", "show", "acme").stdout == shown


def test_a_new_profile_needs_a_name_where_nobody_can_be_asked(home):
    done = home.within("profile", "new")
    assert done.returncode == 2
    assert "--name" in done.stderr


def test_what_a_profile_needs_is_asked_for(home, server):
    env = {"NOTIFYWS_PROFILE": "nchan", "NOTIFYWS_VARIABLES": ""}
    done = home.within("listen", "--timeout", "1", env=env)
    assert done.returncode == 2
    assert "needs channel: the channel to listen to" in done.stderr
    assert "NOTIFYWS_VARIABLES" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "more"),
    [("--send", ["send"]), ("--all", ["send", "catch-up", "logout"])],
)
def test_a_walk_goes_further_where_that_is_asked_for(home, server, option, more):
    soon = ["--timeout", "0.5"]
    check = ["profile", "check", "default", "--url", server.url, "--json"]
    done = home.within(*check, *soon, option)
    assert done.returncode == 0, done.stderr
    steps = {step["name"]: step for step in json.loads(done.stdout)["steps"]}
    assert [name for name in steps if name in ("send", "catch-up", "logout")] == more
    assert steps["send"]["status"] == "pass"
    assert '"title":"Hello"' in "".join(steps["send"]["trace"])
    assert server.stats["received"] == 1
    assert server.stats["logouts"] == ("logout" in more)
    nowhere = home.within("profile", "check", "default", option)
    assert nowhere.returncode == 2
    assert "hint: give --url" in nowhere.stderr


def test_a_draft_that_cannot_be_written_is_a_sentence(home):
    done = home.within(
        "profile", "new", "--name", "x", "-o", "/dev/null/x", "--sample", "-"
    )
    assert done.returncode == 2
    assert "error: cannot write /dev/null/x: " in done.stderr
    assert "hint: name another file with --output" in done.stderr


HAR = Path(__file__).parent.parent / "har" / "devserver-message.har"


def at(server):
    """What was recorded, as if this server had been."""
    text = HAR.read_text("utf-8")
    return text.replace("127.0.0.1:9411", server.url.partition("://")[2])


def test_a_profile_is_made_of_a_recording_tried_and_listened_with(home):
    server = home.serve("--traffic", "9")
    home.use(server)
    (home.path / "page.har").write_text(at(server))
    done = home.within(*NEW, "--from-har", "page.har", "-o", "own.toml", "--check")
    assert done.returncode == 0, done.stderr
    assert "✔ login" in done.stdout
    assert "✔ socket" in done.stdout
    assert f"Next: notifyws listen --profile own.toml --url {server.url}" in done.stderr
    made = (home.path / "own.toml").read_text("utf-8")
    assert (home.path / "own.toml").stat().st_mode & 0o777 == 0o600
    assert "made-up-password" not in made + done.stdout + done.stderr
    listener = home.listen("--profile", "own.toml", "--url", server.url, "--json")
    assert listener.prints(1)[0]["title"]


@pytest.mark.slow
def test_a_recording_that_the_server_does_not_take_says_what_to_mend(home, server):
    (home.path / "page.har").write_text(at(server).replace("/auth/login", "/login"))
    done = home.within(*NEW, "--from-har", "page.har", "-o", "own.toml", "--check")
    assert done.returncode == 5
    assert "✖ login" in done.stdout
    assert "To mend: own.toml:" in done.stderr
    assert "[http.login] says how; " in done.stderr


def test_a_recording_makes_a_profile_without_trying_it(home):
    (home.path / "page.har").write_text(HAR.read_text("utf-8"))
    done = home.within(*NEW, "--from-har", "page.har")
    assert (done.returncode, done.stdout) == (0, "")
    assert "127-0-0-1-9411.toml" in done.stderr
    check = "notifyws profile check 127-0-0-1-9411 --url ws://127.0.0.1:9411"
    assert f"Next: {check} --username me" in done.stderr
    again = home.within(*NEW, "--from-har", "page.har")
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file page.har"),
        ("{}", "no log.entries in it"),
        ("[" * 100_000, "nested too deeply"),
        ('{"log": {"entries": []}}', "holds no WebSocket"),
    ],
)
def test_what_is_no_recording_is_a_sentence(home, content, said):
    if content is not None:
        (home.path / "page.har").write_text(content)
    done = home.within(*NEW, "--from-har", "page.har")
    assert done.returncode == 2
    assert said in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.slow
def test_what_a_recording_does_not_tell_is_said_or_asked(home):
    shown = har(
        login(answer={"ok": True}),
        socket("/ws", 2, (IN, 1, ALERT), host="ws.example.com"),
    )
    (home.path / "page.har").write_text(shown)
    done = home.within(*NEW, "--from-har", "page.har", "--name", "acme")
    assert done.returncode == 0, done.stderr
    assert "Not told: Name of the session's cookie" in done.stderr
    assert "To mend: the recording holds no cookies" in done.stderr
    assert "NEXT_PUBLIC_WEBSOCKET_SERVER_URL=wss://ws.example.com" in done.stderr
    alone = home.within(*NEW, "--check")
    assert alone.returncode == 2
    assert "hint: give --from-har FILE" in alone.stderr
    tried = home.within(*NEW, "--from-har", "page.har", "--name", "more", "--check")
    assert tried.returncode == 2
    assert "has another origin" in tried.stderr


def test_on_a_terminal_the_questions_are_asked(home, terminal):
    text = har(login(answer={"ok": True}), socket("/ws", 2, (IN, 1, ALERT)))
    (home.path / "page.har").write_text(text)
    asking = terminal(*NEW, "--from-har", "page.har", "-o", "own.toml")
    asking.shows("Name of the profile")
    asking.type("acme\r")
    asking.shows("session's cookie")
    asking.type("sid\r")
    asking.shows("Try it on")
    asking.type("\r")
    asking.shows("Next: notifyws profile check")
    made = (home.path / "own.toml").read_text("utf-8")
    assert 'token_in = "cookie:sid"' in made
    assert 'name = "acme"' in made


def test_what_is_to_be_pasted_runs_nothing_of_a_recordings(home):
    """A recording is somebody else's: its origin may be written for a shell."""
    hostile = f"{HOST}$(touch${{IFS}}PWNED)"
    recorded = SHAPES["token in query"].replace(f"//{HOST}", f"//{hostile}")
    (home.path / "r.har").write_text(recorded)
    done = home.within("profile", "new", "--from-har", "r.har", "--name", "acme")
    [told] = [each for each in done.stderr.splitlines() if each.startswith("Next: ")]
    assert "touch" in told
    home.shell(told.removeprefix("Next: "))
    assert not list(home.path.rglob("PWNED"))
