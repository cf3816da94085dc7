"""Somebody else's environment: no variable and no folder of it is a bug of ours.

Each of them is heard, does not matter, or is named in a sentence; exit 1 is for bugs.
The command is the installed one, against a server over TLS that works.
"""

from __future__ import annotations

import os

import pytest

from tests.support.catalogue import sample
from tests.support.httpd import CLOSE, PING, PONG, answer, in_a_thread, json_answer
from tests.support.tls import Authority


async def whole(peer):
    request = await peer.request()
    if request.method == "POST":
        await peer.write(json_answer({"accessToken": "tok", "expiresIn": 900}))
    elif "sec-websocket-key" not in request.headers:
        await peer.write(answer(404))
    else:
        await peer.upgrade(request)
        await peer.say('{"type":"a","title":"hi","id":1}')
        opcode = PING
        while opcode != CLOSE:
            opcode, payload = await peer.read()
            await peer.frame(PONG if opcode == PING else opcode, payload)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def there(authority):
    with in_a_thread(whole, authority.good()) as server:
        yield server


@pytest.fixture
def files(home):
    """Files of each kind that a variable may name, and our own of a home that works."""
    folder = home.path / "odd"
    folder.mkdir()
    (folder / "garbage").write_bytes(bytes(range(256)) * 4)
    (folder / "empty").write_text("")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture(autouse=True)
def configured(home, there, authority, files):
    home.env |= {
        "WEBSOCKET_SERVER_URL": there.url,
        "WEBSOCKET_USERNAME": "u",
        "WEBSOCKET_PASSWORD": "p",
        "NOTIFYWS_CA_FILE": str(authority.write(home.path)),
        "NOTIFYWS_MAX_RETRIES": "0",
        "NOTIFYWS_CLOSE_TIMEOUT": "0.1",
    }


FILES = ("garbage", "empty", "folder", "pipe", "missing")
NO_MATTER = {
    "SSL_CERT_FILE": ("garbage", "missing"),
    "SSL_CERT_DIR": ("garbage", "folder", "missing"),
    "OPENSSL_CONF": ("empty", "missing"),
    "NETRC": ("garbage", "missing"),
    "NO_PROXY": ("[::1],::1,[", "1.2.3.4/99,fd00::/8", "*.*,\udcff"),
    "COLUMNS": ("abc", "-5", "0", "9" * 12, "1.5"),
    "LINES": ("abc", "9" * 12),
    "TERM": ("", "dumb", "nonsense", "\x1b[2J", "a" * 5000),
    "TZ": ("No/Where", ":", "../../etc/passwd"),
    "LANG": ("xx_YY", "C", "\udcff"),
    "LC_ALL": ("C", "tr_TR.UTF-8", "en_US.ISO-8859-1"),
    "PYTHONUTF8": ("0",),
    "PYTHONIOENCODING": ("ascii", "latin-1"),
    "PYTHONWARNINGS": ("error", "junk::"),
    "PYTHONDEVMODE": ("1",),
    "PYTHONASYNCIODEBUG": ("1",),
    "PYTHON_DOTENV_DISABLED": ("1",),
    "PYTHON_KEYRING_BACKEND": ("no.such.Backend",),
    "TMPDIR": ("/nonexistent", "rel"),
    "NOTIFY_SOCKET": ("@x", "/nonexistent", "relative", "a" * 300, "@", "vsock:2:1"),
    "WATCHDOG_USEC": ("abc", "0", "-1", "9" * 30),
    "FORCE_COLOR": ("", "0", "junk"),
    "NO_COLOR": ("", "1"),
    "UNICODE_VERSION": ("junk",),
    "TTY_COMPATIBLE": ("junk",),
    "WEBSOCKETS_MAX_LOG_SIZE": ("abc",),
    "WEBSOCKETS_MAX_LINE_LENGTH": ("abc", "1"),
    "WEBSOCKETS_MAX_NUM_HEADERS": ("", "0"),
    "WEBSOCKETS_BACKOFF_FACTOR": ("abc",),
    "BROWSER": ("/nonexistent",),
    "SHELL": ("", "/nonexistent"),
    "HTTP_PROXY": ("::::", "ftp://x"),
    "PROMETHEUS_MULTIPROC_DIR": ("/nonexistent",),
    "XDG_CONFIG_HOME": ("", "rel", "empty", "~/x"),
    "XDG_STATE_HOME": ("", "rel", "empty", "~/x"),
    "XDG_CACHE_HOME": ("", "rel", "empty", "~/x", "/dev/null"),
    "HOME": ("", "rel", "missing", "empty"),
}
"""What changes nothing: the notification arrives."""
SAID = {
    "OPENSSL_CONF": ("pipe",),
    "SSL_CERT_DIR": ("pipe",),
    "SSLKEYLOGFILE": ("folder", "missing/keys", "pipe"),
    "SSL_CERT_FILE": ("pipe",),
    "HTTPS_PROXY": ("::::", "http://[", "http://h:99999", "ftp://x", "/path"),
    "ALL_PROXY": ("http://h:0", "http://h/path", "gopher://h"),
    "REDIS_URL": ("junk", "redis://h:99999", "redis://["),
    "NOTIFYWS_CONFIG": ("folder", "pipe", "garbage", "missing"),
    "NOTIFYWS_PROFILE": ("folder/x.toml", "pipe", "garbage"),
    "NOTIFYWS_CA_FILE": ("folder", "pipe", "empty", "garbage", "missing"),
    "NOTIFYWS_ORIGIN": ("a b",),
    "NOTIFYWS_RETRY_DELAYS": ("abc", "-1", ""),
    "NOTIFYWS_CACHE_URL": ("junk", "sqlite://"),
    "WEBSOCKET_USERNAME": ("u\udcff",),
}
"""What is named in a sentence, exit 2."""
EMPTY = {("NOTIFYWS_RETRY_DELAYS", "")}
"""An empty variable says nothing."""


def cases(table, often=100):
    """Return one case of the first variables for every run, else for the catalogue."""
    for place, (name, values) in enumerate(table.items()):
        for number, value in enumerate(values):
            marks = [pytest.mark.slow] if number or place >= often else []
            yield pytest.param(name, value, marks=marks, id=f"{name}={value!r:.30}")


def given(files, value):
    """Return a value, or the path of the file that it names."""
    first = value.partition("/")[0]
    return str(files / value) if first in FILES else value


@pytest.mark.parametrize(("name", "value"), [*cases(NO_MATTER, often=8)])
def test_a_variable_that_does_not_matter_changes_nothing(home, files, name, value):
    ran = home.run("listen", "--json", "-n", "1", env={name: given(files, value)})
    assert ran.returncode == 0, ran.stderr
    assert '"title":"hi"' in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("name", "value"), [*cases(SAID)])
def test_what_cannot_be_used_is_named_in_a_sentence(home, files, name, value):
    once = home.run if name.startswith(("OPENSSL", "SSL")) else home.within
    ran = once("listen", "--json", "-n", "1", env={name: given(files, value)})
    if (name, value) in EMPTY:
        assert ran.returncode == 0
        return
    assert ran.returncode == 2, ran.stderr
    assert '"kind":"configuration"' in ran.stderr
    assert "Traceback" not in ran.stderr


ODD = {
    "HTTPS_PROXY": "http://h:99999",
    "COLUMNS": "9" * 12,
    "WEBSOCKETS_MAX_LOG_SIZE": "abc",
    "HOME": "rel",
}
"""One of each kind, together: what is said of one must not hide the next."""


@pytest.mark.parametrize(
    "command",
    sample(
        ["--help"],
        ["status"],
        ["status", "--check"],
        ["token"],
        ["auth", "whoami"],
        ["auth", "logout"],
        ["send", "-m", "x"],
        ["profile", "list"],
        ["profile", "new", "--name", "x"],
        ["listen", "--name", "desk", "-n", "1"],
        ["listen", "--exec", "true", "-n", "1"],
        ["--install-completion"],
        often=4,
    ),
    ids=" ".join,
)
def test_no_command_takes_an_odd_environment_for_a_bug_of_ours(home, files, command):
    for left_out in (None, "HTTPS_PROXY"):
        odd = {name: value for name, value in ODD.items() if name != left_out}
        ran = home.run(*command, env=odd)
        assert ran.returncode != 1, ran.stderr
        assert "Traceback" not in ran.stderr + ran.stdout


@pytest.mark.parametrize(
    "odd", [{}, {"COMP_WORDS": "notifyws li"}, {"COMP_WORDS": "", "COMP_CWORD": "x"}]
)
def test_a_shell_that_says_not_all_of_a_tab_is_offered_something(home, odd):
    ran = home.run(env={"_NOTIFYWS_COMPLETE": "complete_bash", **odd})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "listen" in ran.stdout


def test_a_netrc_adds_no_credentials(home, there):
    (home.path / ".netrc").write_text("machine 127.0.0.1 login me password sentinel\n")
    (home.path / ".netrc").chmod(0o600)
    before = len(there.requests)
    ran = home.run("listen", "--json", "-n", "1")
    assert ran.returncode == 0
    said = [each.headers.get("authorization", "") for each in there.requests[before:]]
    assert said == ["", "Bearer tok"]
