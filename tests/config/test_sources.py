"""Where settings come from: real files, a real environment, in the order promised."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest

from notifyws.auth.authenticator import Authenticator
from notifyws.config.saved_login import remember
from notifyws.config.settings import (
    DEFAULT_STYLES,
    FIELDS,
    Settings,
    TypeStyle,
    environment_name,
)
from notifyws.config.sources import config_file, load, load_servers, load_settings
from notifyws.errors import ConfigurationError

SECRET = "sentinel-secret-55ee"
URL = "wss://one.example"
OTHER = "wss://two.example"


class Home:
    """A user's folders, and the folder that is worked in."""

    def __init__(self, root: Path, monkeypatch) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self.work = root / "work"
        self.work.mkdir()
        for name in (*map(environment_name, FIELDS), "NOTIFYWS_CONFIG"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(root))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
        monkeypatch.chdir(self.work)
        self.config = config_file()

    def env(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def dotenv(self, text: str, name: str = ".env") -> Path:
        path = self.work / name
        path.write_text(text)
        return path

    def toml(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text)

    def know(self, url: str, place: str) -> None:
        """Have a server known by a login, the environment, an entry or a flag."""
        if place == "remembered":
            remember({"url": url, "username": "me"})
        elif place == "environment":
            self.env(WEBSOCKET_SERVER_URL=url)
        elif place == "entry":
            self.toml(f'default_server = "a"\n[servers.a]\nurl = "{url}"')


@pytest.fixture
def home(tmp_path, monkeypatch):
    return Home(tmp_path, monkeypatch)


def wrong(*args, **options) -> ConfigurationError:
    """Return the error of settings that are wrong; it shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        load(*args, **options)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + json.dumps(error.as_json())
    assert SECRET not in shown
    assert "\n" not in error.message
    return error


# The order


def test_nothing_said_gives_the_defaults(home):
    loaded = load()
    assert loaded.settings == Settings()
    assert set(loaded.sources.values()) == {"default"}
    assert set(loaded.sources) == set(FIELDS)


def test_what_is_said_first_wins_layer_by_layer(home):
    remember({"url": URL, "username": "remembered"})
    seen = [load()]
    home.toml(f'[settings]\nusername = "general"\nurl = "{URL}"')
    seen.append(load())
    home.toml(
        f'default_server = "a"\n[settings]\nusername = "general"\n'
        f'[servers.a]\nusername = "entry"\nurl = "{URL}"'
    )
    seen.append(load())
    home.dotenv("WEBSOCKET_USERNAME=dotenv\n")
    seen.append(load())
    home.env(WEBSOCKET_USERNAME="environment")
    seen.append(load())
    seen.append(load({"username": "flag"}))
    assert [(one.settings.username, one.sources["username"]) for one in seen] == [
        ("remembered", "the remembered login"),
        ("general", "settings in config.toml"),
        ("entry", "servers.a in config.toml"),
        ("dotenv", ".env"),
        ("environment", "WEBSOCKET_USERNAME in the environment"),
        ("flag", "--username"),
    ]


@pytest.mark.parametrize("found", ["environment", "dotenv"])
def test_a_server_that_is_typed_brings_its_whole_entry_before_what_is_found(
    home, found
):
    home.toml(
        f'default_server = "b"\n[servers.a]\nurl = "{URL}"\nusername = "entry"\n'
        f'jitter = 0.1\n[servers.b]\nurl = "{OTHER}"'
    )
    said = {
        "WEBSOCKET_SERVER_URL": OTHER,
        "NEXT_PUBLIC_WEBSOCKET_SERVER_URL": OTHER,
        "WEBSOCKET_USERNAME": "found",
        "WEBSOCKET_PASSWORD": SECRET,
        "NOTIFYWS_SERVER": "b",
        "NOTIFYWS_JITTER": "0.2",
        "NOTIFYWS_MAX_RETRIES": "7",
    }
    if found == "environment":
        home.env(**said)
    else:
        home.dotenv("".join(f"{name}={value}\n" for name, value in said.items()))
    loaded = load({"server": "a"})
    settings, sources = loaded.settings, loaded.sources
    assert (settings.server, sources["server"]) == ("a", "--server")
    for name in ("url", "username", "jitter"):
        assert sources[name] == "servers.a in config.toml"
    assert (settings.url, settings.socket_url, settings.username) == (URL, "", "entry")
    assert settings.jitter == 0.1
    assert (settings.password, settings.max_retries) == (SECRET, 7)  # not in the entry
    flags = {"server": "a", "url": "wss://typed.example", "username": "typed"}
    typed = load(flags).settings
    assert (typed.url, typed.username, typed.jitter) == (flags["url"], "typed", 0.1)
    assert load().settings.username == "found"


def test_a_flag_that_was_not_given_says_nothing(home):
    home.env(WEBSOCKET_SERVER_URL=URL)
    loaded = load({"url": None, "profile": None})
    assert loaded.settings.url == URL
    assert loaded.settings.profile == "default"


def test_an_empty_variable_says_nothing(home):
    home.env(WEBSOCKET_SERVER_URL="")
    home.dotenv(f"WEBSOCKET_SERVER_URL={URL}")
    assert load().sources["url"] == ".env"


def test_the_url_flag_replaces_both_urls(home):
    home.env(WEBSOCKET_SERVER_URL=URL, NEXT_PUBLIC_WEBSOCKET_SERVER_URL=URL)
    settings = load({"url": OTHER}).settings
    assert (settings.url, settings.socket_url) == (OTHER, "")
    assert settings.connect_url == OTHER


def test_the_public_url_is_the_sockets_only(home):
    home.env(WEBSOCKET_SERVER_URL=URL, NEXT_PUBLIC_WEBSOCKET_SERVER_URL=OTHER)
    settings = load().settings
    assert (settings.url, settings.connect_url) == (URL, OTHER)


def test_the_source_of_a_flag_is_named_as_it_is_typed(home):
    sources = load({"password": "x", "max_retries": 3}).sources
    assert sources["password"] == "--password-stdin"
    assert sources["max_retries"] == "--max-retries"


def test_the_library_sees_what_the_command_line_sees(home):
    home.env(WEBSOCKET_SERVER_URL=URL)
    settings = load_settings(username="me", max_retries=2)
    assert (settings.url, settings.username) == (URL, "me")
    assert settings.max_retries == 2


# Every setting by its variable

TWINS = {
    "url": ("WEBSOCKET_SERVER_URL", URL, URL),
    "socket_url": ("NEXT_PUBLIC_WEBSOCKET_SERVER_URL", URL, URL),
    "username": ("WEBSOCKET_USERNAME", "me", "me"),
    "password": ("WEBSOCKET_PASSWORD", "pw # x", "pw # x"),
    "keyring": ("NOTIFYWS_KEYRING", "off", False),
    "token": ("NOTIFYWS_TOKEN", "tok", "tok"),
    "redis_url": ("REDIS_URL", "redis://h", "redis://h"),
    "cache_url": ("NOTIFYWS_CACHE_URL", "memory://", "memory://"),
    "profile": ("NOTIFYWS_PROFILE", "ntfy", "ntfy"),
    "variables": ("NOTIFYWS_VARIABLES", "a=b", "a=b"),
    "token_in": ("NOTIFYWS_TOKEN_IN", "query:t", "query:t"),
    "origin": ("NOTIFYWS_ORIGIN", "https://a.example", "https://a.example"),
    "user_id": ("NOTIFYWS_USER_ID", "7", "7"),
    "ca_file": ("NOTIFYWS_CA_FILE", "/ca.pem", "/ca.pem"),
    "client_cert": ("NOTIFYWS_CLIENT_CERT", "/me.pem", "/me.pem"),
    "client_key": ("NOTIFYWS_CLIENT_KEY", "/me.key", "/me.key"),
    "client_key_password": ("NOTIFYWS_CLIENT_KEY_PASSWORD", "a # b", "a # b"),
    "access_ttl": ("NOTIFYWS_ACCESS_TTL", "60", 60.0),
    "refresh_ttl": ("NOTIFYWS_REFRESH_TTL", "1e3", 1000.0),
    "access_margin": ("NOTIFYWS_ACCESS_MARGIN", "0.5", 0.5),
    "refresh_margin": ("NOTIFYWS_REFRESH_MARGIN", "0", 0.0),
    "retry_delays": ("NOTIFYWS_RETRY_DELAYS", "1, 2 3", (1.0, 2.0, 3.0)),
    "jitter": ("NOTIFYWS_JITTER", "0", 0.0),
    "stable_after": ("NOTIFYWS_STABLE_AFTER", "5", 5.0),
    "max_retries": ("NOTIFYWS_MAX_RETRIES", "4", 4),
    "retry_after_max": ("NOTIFYWS_RETRY_AFTER_MAX", "9", 9.0),
    "open_timeout": ("NOTIFYWS_OPEN_TIMEOUT", "1.5", 1.5),
    "http_timeout": ("NOTIFYWS_HTTP_TIMEOUT", "2.5", 2.5),
    "close_timeout": ("NOTIFYWS_CLOSE_TIMEOUT", "3.5", 3.5),
    "ping_interval": ("NOTIFYWS_PING_INTERVAL", "7", 7.0),
    "ping_timeout": ("NOTIFYWS_PING_TIMEOUT", "8", 8.0),
    "verify_every": ("NOTIFYWS_VERIFY_EVERY", "300", 300.0),
    "max_size": ("NOTIFYWS_MAX_SIZE", "2000", 2000),
    "compression": ("NOTIFYWS_COMPRESSION", "Yes", True),
    "queue_count": ("NOTIFYWS_QUEUE_COUNT", "5", 5),
    "queue_bytes": ("NOTIFYWS_QUEUE_BYTES", "6000", 6000),
    "cache_key": ("NOTIFYWS_CACHE_KEY", "open sesame", "open sesame"),
    "queue_disk": ("NOTIFYWS_QUEUE_DISK", "7000", 7000),
    "hand_on_delays": ("NOTIFYWS_HAND_ON_DELAYS", "1,3", (1.0, 3.0)),
    "exec_timeout": ("NOTIFYWS_EXEC_TIMEOUT", "5", 5.0),
    "concurrency": ("NOTIFYWS_CONCURRENCY", "4", 4),
    "group_count": ("NOTIFYWS_GROUP_COUNT", "500", 500),
    "group_age": ("NOTIFYWS_GROUP_AGE", "60", 60.0),
    "group_lease": ("NOTIFYWS_GROUP_LEASE", "5", 5.0),
    "link_base": ("NOTIFYWS_LINK_BASE", "https://x", "https://x"),
}


def test_every_setting_has_a_twin_that_is_tested():
    assert set(TWINS) | {"server"} == set(FIELDS)


@pytest.mark.parametrize("name", TWINS)
def test_every_setting_can_be_said_by_environment_and_by_dotenv(home, name):
    variable, text, value = TWINS[name]
    loaded = load(environ={variable: text})
    assert getattr(loaded.settings, name) == value
    assert loaded.sources[name] == f"{variable} in the environment"
    path = home.dotenv(f"{variable}='{text}'\n")
    meant = path if FIELDS[name].path == "." else None
    loaded = load(environ={}, env_file=meant)
    assert getattr(loaded.settings, name) == value
    assert loaded.sources[name] == (f"--env-file {path}" if meant else ".env")


# Files of variables


def test_another_file_is_read_instead_of_dotenv(home):
    home.dotenv("WEBSOCKET_USERNAME=here\n")
    path = home.dotenv("WEBSOCKET_USERNAME=there\n", "prod.env")
    loaded = load(env_file=path)
    assert loaded.settings.username == "there"
    assert loaded.sources["username"] == f"--env-file {path}"


def test_dotenv_takes_quotes_exports_comments_and_a_byte_order_mark(home):
    home.dotenv(
        "\ufeffexport WEBSOCKET_USERNAME='me # not a comment'  # one\n"
        'WEBSOCKET_PASSWORD="a\\nb"\nnonsense without a value\nNOTIFYWS_TOKEN\n'
    )
    settings = load().settings
    assert settings.username == "me # not a comment"
    assert settings.password == "a\nb"
    assert settings.token == ""


def test_dotenv_reads_no_other_variables(home):
    home.env(HOST_SECRET=SECRET)
    home.dotenv(f"WEBSOCKET_SERVER_URL={URL}/${{HOST_SECRET}}/$HOST_SECRET")
    assert load().settings.url == f"{URL}/${{HOST_SECRET}}/$HOST_SECRET"


def test_dotenv_is_the_working_directorys_and_no_parents(home, monkeypatch):
    home.dotenv(f"WEBSOCKET_SERVER_URL={URL}")
    (home.work / "inner").mkdir()
    monkeypatch.chdir(home.work / "inner")
    assert load().settings.url == ""


def test_a_named_file_that_is_not_there_is_an_error(home):
    assert wrong(env_file="missing.env").message == "there is no file missing.env"
    home.env(NOTIFYWS_CONFIG="/missing.toml")
    assert wrong().message == "there is no file /missing.toml"


# config.toml


def test_broken_toml_names_the_file_and_the_line(home):
    home.toml('default_server = "a\n')
    error = wrong()
    assert error.message.startswith(f"{home.config} is not valid TOML: ")
    assert "line 1" in error.message
    assert error.hint == "correct that line"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("default_sever = 'a'", "unknown key 'default_sever' in", "default_server?"),
        ("zzz = 1", "unknown key 'zzz' in", "known: default_server, "),
        ("[settings]\njiter = 1", "unknown key 'jiter' in settings in", "jitter?"),
        (
            "default_server = 'a'\n[servers.a]\nurll = 'x'",
            "unknown key 'urll' in servers.a in config.toml",
            "did you mean url?",
        ),
        ("[types.x]\ncolor = 'red'", "unknown key 'color' in types.x", "colour?"),
        ("[types.x]\nmark = 1", "types.x in config.toml: every value must be", ""),
        ("servers = 1", "servers in ", "[servers."),
        ("settings = 1", "settings in config.toml must be a table", "[servers."),
        ("types = []", "types in ", "[servers."),
        ("[types]\nx = 'red'", "types.x in config.toml must be a table", "[servers."),
        ("default_server = 'a'\n[servers]\na = 1", "servers.a in", "[servers."),
        ("default_server = 5\n[servers.a]", "default_server", ""),
        ("default_server = ['a']\n[servers.a]", "default_server", ""),
    ],
)
def test_what_is_wrong_in_the_file_is_named_and_corrected(home, text, message, hint):
    home.toml(text)
    error = wrong()
    assert message in error.message
    assert hint in error.hint
    assert error.exit_code == 2


def test_a_server_entry_is_chosen_by_default_environment_and_flag(home):
    home.toml(
        'default_server = "a"\n'
        '[servers.a]\nurl = "wss://a.example"\n'
        '[servers.b]\nurl = "wss://b.example"\nmax_retries = 3\n'
        '[servers.c]\nurl = "wss://c.example"\n'
    )
    loaded = load()
    assert loaded.settings.url == "wss://a.example"
    assert loaded.settings.server == "a"
    assert loaded.sources["url"] == "servers.a in config.toml"
    home.env(NOTIFYWS_SERVER="b")
    assert load().settings.url == "wss://b.example"
    assert load().settings.max_retries == 3
    assert load({"server": "c"}).settings.url == "wss://c.example"


def test_an_unknown_server_is_corrected_or_explained(home):
    home.toml('[servers.work]\nurl = "wss://a.example"')
    error = wrong({"server": "wrok"})
    assert error.message == f"no server 'wrok' in {home.config}"
    assert error.hint == "did you mean work?"
    assert wrong({"server": "zz"}).hint == "notifyws auth login --save --name zz"
    error = wrong({"server": "wss://me:hush@h/?t=hush"})
    assert error.message == f"no server 'wss://h/?t=***' in {home.config}"
    assert error.hint == "a URL is said by --url"


def test_types_are_added_and_changed(home):
    home.toml('[types.trip_update]\nmark = "T"\n[types.mine]\nlink = "/x"')
    styles = load().settings.styles
    assert styles["trip_update"] == TypeStyle("T", "blue", "View Trip", "/trips")
    assert styles["mine"] == TypeStyle(link="/x")
    assert styles["payment_approved"] == DEFAULT_STYLES["payment_approved"]


def test_another_config_file_is_named_in_the_environment(home):
    path = home.dotenv('[settings]\nusername = "there"', "other.toml")
    home.env(NOTIFYWS_CONFIG=str(path))
    loaded = load()
    assert loaded.settings.username == "there"
    assert loaded.sources["username"] == "settings in other.toml"


def test_a_found_dotenv_does_not_choose_the_config_file(home):
    path = home.dotenv('[settings]\nusername = "there"', "other.toml")
    dotenv = home.dotenv(f"NOTIFYWS_CONFIG={path}")
    assert load().settings.username == ""
    assert load(env_file=dotenv).settings.username == "there"


# The guard


OF_THE_SERVER = [n for n, f in FIELDS.items() if f.side == "server"]
SAID = {"server": "a", "ca_file": "evil.pem", "profile": "./evil.toml"}


def said_of(name: str) -> str:
    """Return a line that says something of the server."""
    return f"{environment_name(name)}={SAID.get(name, TWINS.get(name, [''] * 2)[1])}"


@pytest.mark.parametrize("name", OF_THE_SERVER)
@pytest.mark.parametrize("secret", ["WEBSOCKET_PASSWORD", "NOTIFYWS_TOKEN"])
def test_what_dotenv_says_of_the_server_gets_no_credentials_from_elsewhere(
    home, name, secret
):
    home.toml(f'[servers.a]\nurl = "{URL}"')
    path = home.dotenv(said_of(name))
    home.env(**{secret: SECRET})
    error = wrong()
    assert error.message.startswith(f"{environment_name(name)} comes from .env in this")
    assert f"{secret} in the environment" in error.message
    assert "--env-file .env" in error.hint
    assert ("--url" in error.hint) is (name in {"url", "socket_url"})
    assert error.exit_code == 2
    assert load(env_file=path)


@pytest.mark.parametrize("shown", ["CERT", "KEY", "KEY_PASSWORD"])
def test_a_server_that_dotenv_names_is_shown_no_certificate_from_elsewhere(home, shown):
    """It would learn who we are, and we would log in there."""
    path = home.dotenv(f"WEBSOCKET_SERVER_URL={URL}\nWEBSOCKET_PASSWORD={SECRET}")
    home.env(**{f"NOTIFYWS_CLIENT_{shown}": "/home/me/me.pem"})
    error = wrong()
    assert error.message.startswith("WEBSOCKET_SERVER_URL comes from .env in this")
    assert f"NOTIFYWS_CLIENT_{shown} in the environment" in error.message
    assert load(env_file=path)


@pytest.mark.parametrize("known_by", ["remembered", "environment", "entry", "flag"])
@pytest.mark.parametrize(
    "name", [n for n in OF_THE_SERVER if n not in ("url", "socket_url", "server")]
)
def test_what_dotenv_says_of_the_server_gets_no_cached_token_of_another(
    home, name, known_by
):
    """No password is needed: tokens lie in the cache under the server's address."""
    home.know(URL, known_by)
    path = home.dotenv(said_of(name))
    flags = {"url": URL} if known_by == "flag" else {}
    variable = environment_name(name)
    assert wrong(flags).message.startswith(f"{variable} comes from .env")
    assert load(flags, env_file=path).settings.url == URL


def test_an_entry_that_dotenv_chooses_brings_its_own_credentials(home):
    home.toml(f'[servers.a]\nurl = "{URL}"\npassword = "{SECRET}"\ntoken_in = "none"')
    home.dotenv("NOTIFYWS_SERVER=a")
    settings = load().settings
    assert (settings.url, settings.password, settings.keyring) == (URL, SECRET, True)
    home.dotenv("NOTIFYWS_SERVER=a\nNOTIFYWS_TOKEN_IN=query:leak")
    assert "servers.a in config.toml" in wrong().message
    home.dotenv("NOTIFYWS_SERVER=a")
    home.env(WEBSOCKET_SERVER_URL=OTHER)
    assert "NOTIFYWS_SERVER comes from .env" in wrong().message


PATHS = [
    "NOTIFYWS_CA_FILE=ca.pem",
    "NOTIFYWS_CLIENT_CERT=me.pem",
    "NOTIFYWS_CLIENT_KEY=/home/me/me.key",
    "NOTIFYWS_CACHE_URL=sqlite:///home/me/diary.db",
    "NOTIFYWS_CACHE_URL=SQLite:diary.db",
    "REDIS_URL=unix:///run/redis.sock",
    "REDIS_URL=rediss://h/0?ssl_keyfile=/home/me/key.pem",
    "REDIS_URL=rediss+sentinel://h,i/mine?ssl_certfile=/home/me/me.pem",
    "NOTIFYWS_CACHE_URL=REDISS+CLUSTER://h,i?protocol=3&ssl_ca_certs=ca.pem",
    "NOTIFYWS_PROFILE=./mine.toml",
    "NOTIFYWS_PROFILE=mine.toml",
    "NOTIFYWS_PROFILE=/dev/zero",
    'NOTIFYWS_PROFILE="a\\n/../mine.toml"',
]


@pytest.mark.parametrize("line", PATHS)
@pytest.mark.parametrize("whole", [False, True])
def test_a_found_dotenv_leads_to_no_file(home, line, whole):
    own = f"WEBSOCKET_SERVER_URL={URL}\nWEBSOCKET_PASSWORD={SECRET}\n"
    path = home.dotenv((own if whole else "") + line)
    error = wrong()
    variable = line.partition("=")[0]
    assert (
        error.message == f"{variable} comes from .env in this folder and names a file"
    )
    assert error.hint == "if that is meant: --env-file .env"
    assert error.exit_code == 2
    assert load(env_file=path)


@pytest.mark.parametrize(
    ("line", "apart"),
    [
        ("", False),
        ("NOTIFYWS_PROFILE=ntfy", False),  # the account has its name
        ("NOTIFYWS_LINK_BASE=https://x", False),
        ("NOTIFYWS_TOKEN_IN=query:leak", True),
        ("NOTIFYWS_VARIABLES=a=b", True),
    ],
)
def test_tokens_of_a_dotenv_that_says_how_they_travel_are_kept_apart(home, line, apart):
    """Its password may be a guess: cached tokens of that user would do as well."""
    text = (
        f"WEBSOCKET_SERVER_URL={URL}\nWEBSOCKET_USERNAME=me\n"
        f"WEBSOCKET_PASSWORD=guess\n{line}"
    )
    path = home.dotenv(text)

    def account(settings):
        return Authenticator(settings, lambda said: None).account.id

    plain, found = account(load(env_file=path).settings), load().settings
    assert found.password == "guess"
    assert (account(found) != plain) is apart


def test_credentials_of_a_server_entry_or_a_pipe_are_from_elsewhere_too(home):
    home.dotenv(f"WEBSOCKET_SERVER_URL={URL}")
    assert wrong({"password": SECRET})
    home.toml(f'default_server = "a"\n[servers.a]\npassword = "{SECRET}"')
    assert "servers.a in config.toml" in wrong().message


@pytest.mark.parametrize(
    ("text", "looked"),
    [
        ("", True),
        (f"WEBSOCKET_SERVER_URL={URL}\nWEBSOCKET_USERNAME=me", True),
        (f"NEXT_PUBLIC_WEBSOCKET_SERVER_URL={URL}", False),
        ("REDIS_URL=redis://h", False),
        ("NOTIFYWS_CACHE_URL=redis://h\nNOTIFYWS_KEYRING=on", False),
        ("NOTIFYWS_PROFILE=mine", False),
        ("NOTIFYWS_TOKEN_IN=query:leak", False),
    ],
)
def test_a_dotenv_that_says_where_tokens_go_gets_no_password_of_the_keyring(
    home, text, looked
):
    path = home.dotenv(text)
    settings = load().settings
    assert settings.keyring is looked
    assert settings.url in text
    assert load(env_file=path).settings.keyring is True


def test_naming_the_url_says_that_it_is_meant(home):
    home.dotenv(f"WEBSOCKET_SERVER_URL={URL}\nNEXT_PUBLIC_WEBSOCKET_SERVER_URL={URL}")
    home.env(WEBSOCKET_PASSWORD=SECRET)
    settings = load({"url": OTHER}).settings
    assert (settings.connect_url, settings.password) == (OTHER, SECRET)


def test_a_place_from_the_environment_takes_credentials_from_dotenv(home):
    home.dotenv(f"WEBSOCKET_PASSWORD={SECRET}")
    home.env(WEBSOCKET_SERVER_URL=URL)
    assert load().settings.password == SECRET


@pytest.mark.parametrize("known_by", ["remembered", "environment", "entry"])
def test_a_socket_found_in_dotenv_never_meets_another_server(home, known_by):
    """The token of an account lies in the cache: no password is needed to leak it."""
    home.know(URL, known_by)
    home.dotenv(f"NEXT_PUBLIC_WEBSOCKET_SERVER_URL={OTHER}")
    settings = load().settings
    urls = (settings.url, settings.socket_url)
    assert urls == ((URL, "") if known_by == "environment" else ("", OTHER))


def test_both_urls_come_from_one_source(home):
    remember({"url": URL, "socket_url": f"{URL}/r", "username": "me"})
    home.toml(
        f'default_server = "a"\n[servers.a]\nurl = "{URL}"\nsocket_url = "{URL}/s"'
    )
    assert load().settings.connect_url == f"{URL}/s"
    home.env(WEBSOCKET_SERVER_URL=OTHER)
    loaded = load()
    assert (loaded.settings.url, loaded.settings.socket_url) == (OTHER, "")
    assert loaded.sources["socket_url"] == "default"
    assert loaded.settings.username == ""


# Values


def test_a_value_that_cannot_be_one_is_said_with_its_source(home):
    error = wrong(environ={"NOTIFYWS_JITTER": "2"})
    source = "NOTIFYWS_JITTER in the environment"
    assert error.message == f"jitter must be a number from 0 to 1, not '2' ({source})"
    home.toml(f'[settings]\npassword = ["{SECRET}"]')
    assert wrong().message == "password must be text (settings in config.toml)"


# The remembered login


def test_the_remembered_login_is_used_when_nothing_else_says_so(home):
    login = {"url": URL, "username": "me", "profile": "p", "token_in": "query:t"}
    remember(login)
    loaded = load()
    for name, value in login.items():
        assert getattr(loaded.settings, name) == value
        assert loaded.sources[name] == "the remembered login"


@pytest.mark.parametrize(
    "flags", [{"url": OTHER}, {"username": "you"}, {"url": URL, "username": "you"}]
)
def test_the_remembered_login_is_of_no_use_for_another_server_or_user(home, flags):
    remember({"url": URL, "username": "me", "profile": "p"})
    settings = load(flags).settings
    assert settings.profile == "default"
    assert settings.url == flags.get("url", "")
    assert settings.username == flags.get("username", "")


@pytest.mark.parametrize("flags", [{"url": URL}, {"username": "me"}])
def test_the_remembered_login_completes_its_own_server_or_user(home, flags):
    remember({"url": URL, "username": "me", "profile": "p"})
    settings = load(flags).settings
    assert (settings.url, settings.username, settings.profile) == (URL, "me", "p")


TWO = f"""
[servers.work]
url = "{URL}"
username = "ada"
[servers.home]
url = "{OTHER}"
profile = "gotify"
[settings]
jitter = 0
"""


def test_several_servers_each_have_their_entry_in_the_order_that_was_said(home):
    home.toml(TWO)
    found = load_servers(["home", "work"], {"max_retries": 3})
    assert [*found] == ["home", "work"]
    assert [each.url for each in found.values()] == [OTHER, URL]
    assert [each.profile for each in found.values()] == ["gotify", "default"]
    assert {(each.jitter, each.max_retries) for each in found.values()} == {(0, 3)}


def test_all_servers_are_those_of_the_file_in_its_order(home):
    home.toml(TWO)
    assert [*load_servers(None, {})] == ["work", "home"]


@pytest.mark.parametrize("place", ["environment", "file"])
def test_what_is_one_servers_goes_to_none_of_several(home, place):
    home.toml(TWO)
    said = {
        "WEBSOCKET_PASSWORD": SECRET,
        "NOTIFYWS_TOKEN": SECRET,
        "WEBSOCKET_USERNAME": "eve",
        "NEXT_PUBLIC_WEBSOCKET_SERVER_URL": "wss://evil.example",
        "NOTIFYWS_PROFILE": "ntfy",
        "NOTIFYWS_PING_INTERVAL": "7",
    }
    lines = "".join(f"{name}={value}\n" for name, value in said.items())
    file = home.dotenv(lines, "own.env") if place == "file" else None
    home.env(**{} if file else said)
    found = load_servers(["work", "home"], {}, env_file=file)
    assert {(each.password, each.token) for each in found.values()} == {("", "")}
    assert [each.username for each in found.values()] == ["ada", ""]
    assert [each.connect_url for each in found.values()] == [URL, OTHER]
    assert [each.profile for each in found.values()] == ["default", "gotify"]
    assert {each.ping_interval for each in found.values()} == {7}


def test_a_remembered_login_is_none_of_several(home):
    remember({"url": OTHER, "username": "eve"})
    home.toml(TWO)
    assert load_servers(["home"], {})["home"].username == ""


@pytest.mark.parametrize(
    ("names", "text", "said"),
    [
        (None, "", "there are no servers in"),
        (["work"], "", "no server 'work' in"),
        (["work"], "[servers.work]\nusername = 'a'", "servers.work names no url"),
    ],
)
def test_servers_that_are_none_are_refused(home, names, text, said):
    home.toml(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_servers(names, {})
    assert caught.value.hint


def test_a_variable_that_looks_like_a_setting_and_is_none_is_noted(home):
    home.env(NOTIFYWS_PING_INTERVL="3", NOTIFYWS_SIGNING_SECRET="x", NOTIFY="y")
    home.dotenv("NOTIFYWS_PROFIL=gotify\nNOTIFYWS_CONFIG=x\n")
    assert load().mistyped == (
        ("NOTIFYWS_PING_INTERVL", "the environment", "NOTIFYWS_PING_INTERVAL"),
        ("NOTIFYWS_PROFIL", ".env", "NOTIFYWS_PROFILE"),
    )
