"""What a Redis URL says, and what is said of a wrong one."""

from __future__ import annotations

import pytest

from notifyws.auth.cache.redis_urls import read_url
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "kind", "hosts", "service", "db"),
    [
        ("redis://h", "server", [("h", 6379)], "", 0),
        ("redis://h:1/2", "server", [("h", 1)], "", 2),
        ("redis://h?db=3", "server", [("h", 6379)], "", 3),
        ("rediss://[::1]:7/", "server", [("::1", 7)], "", 0),
        ("REDIS+SENTINEL://a/s", "sentinel", [("a", 26379)], "s", 0),
        ("redis+sentinel://a:1,b,[::1]:2/s/4", "sentinel", None, "s", 4),
        ("redis+sentinel://a/my%20name/4", "sentinel", None, "my name", 4),
        ("redis+cluster://a:1,b", "cluster", [("a", 1), ("b", 6379)], "", 0),
        ("rediss+cluster://a/0", "cluster", [("a", 6379)], "", 0),
    ],
)
def test_a_url_names_hosts_service_and_database(url, kind, hosts, service, db):
    read = read_url(url)
    assert (read.kind, read.service, read.db) == (kind, service, db)
    assert read.tls is url.startswith("rediss")
    if hosts:
        assert list(read.hosts) == hosts


def test_every_host_of_a_list_is_taken():
    hosts = read_url("redis+sentinel://a:1,b,[::1]:2/s").hosts
    assert hosts == (("a", 1), ("b", 26379), ("::1", 2))


def test_a_socket_of_this_machine_has_a_path():
    read = read_url("unix://me:pw@/tmp/a%20b?db=1")
    assert (read.hosts, read.path, read.db) == ((), "/tmp/a b", 1)
    assert read.options == {"username": "me", "password": "pw"}


def test_user_and_password_are_decoded_and_one_of_the_query_gives_way():
    read = read_url("redis+cluster://m%40e:p%2Fw@a,b?password=x&client_name=c")
    assert read.options == {"username": "m@e", "password": "p/w", "client_name": "c"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "redis+sentinel://user:pw@a:1,b:2/s/0?sentinel_password=x",
            "redis+sentinel://user:***@a:1,b:2/s/0",
        ),
        ("redis+cluster://:pw@a,b", "redis+cluster://:***@a,b"),
        ("rediss+cluster://a,b?ssl_password=x", "rediss+cluster://a,b"),
        ("redis://u:p@ss@h", "redis://u:***@h"),
    ],
)
def test_what_is_shown_has_no_password(url, shown):
    assert read_url(url).shown == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel:///s", "names no server"),
        ("redis+sentinel://a,,b/s", "names no server"),
        ("redis+cluster://", "names no server"),
        ("redis+cluster://a,", "names no server"),
        ("redis+sentinel://a", "names no service"),
        ("redis+sentinel://a/", "names no service"),
        ("redis+sentinel://a//0", "names no service"),
        ("redis+sentinel://a/s/x-s3cret", "names no database number"),
        ("redis+sentinel://a/s/0/s3cret", "names no database number"),
        ("redis+cluster://a/1", "names a database, and a cluster has only one"),
        ("redis+cluster://a?db=1", "names a database, and a cluster has only one"),
        ("redis+cluster://a/s3cret", "names no database number"),
        ("redis://a,b", "names several servers"),
        ("redis://a?sentinel_password=s3cret", "has an unknown option"),
        ("redis+cluster://a?sentinel_password=s3cret", "has an unknown option"),
        ("redis+cluster://a?ssl_password=s3cret", "has an unknown option"),
        ("redis+sentinel://a/s?master=s3cret", "has an unknown option"),
        ("redis+sentinel://:p@a,:s3cret@b/s", "has an @ too many"),
        ("redis+sentinel://u:12/s3cret@a/s", "has an @ too many"),
        ("redis+sentinel://:s3c?ret@a/s", "has an unknown option"),
        ("redis+sentinel://:s3c#ret@a/s", "cannot be read"),
        ("redis+sentinel://a:99999/s", "cannot be read"),
        ("redis+sentinel://a:0/s", "cannot be read"),
        ("redis+sentinel://[::1/s", "cannot be read"),
        ("redis://a?protocol=4", "names no protocol of Redis"),
        ("redis://a\n", "cannot be read"),
        ("redis+tcp://a", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(url, said):
    with pytest.raises(ConfigurationError) as caught:
        read_url(url)
    assert caught.value.message == f"the Redis URL {said}"
    assert "s3c" not in caught.value.message + caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("name", ["ssl_c%65rtfile", "ssl_ce\nrtfile", "ssl_certfïle"])
def test_no_option_hides_from_whoever_looks_for_files(name):
    with pytest.raises(ConfigurationError):
        read_url(f"rediss://a?{name}=/etc/key.pem")


def test_the_hint_shows_how_the_kind_is_written():
    with pytest.raises(ConfigurationError) as caught:
        read_url("redis+sentinel://a")
    assert "HOST[:PORT]/SERVICE[/DB]" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "complaint", "hint"),
    [
        ("redis://h?db", "cannot be read", "HOST[:PORT][/DB]"),
        ("redis://h?protocol=4", "names no protocol of Redis", "?protocol=2 or =3"),
        ("unix:///", "names no server", "HOST[:PORT][/DB]"),
        ("unix://h/tmp/s", "names no server", "unix:///PATH/OF/THE/SOCKET"),
    ],
)
def test_a_url_that_is_half_right_is_refused(url, complaint, hint):
    with pytest.raises(ConfigurationError, match=complaint) as wrong:
        read_url(url)
    assert hint in wrong.value.hint


def test_hosts_are_named_and_spoken_to_as_they_are_written():
    secure = read_url("rediss+cluster://a:1,b")
    assert (secure.plain_scheme, secure.named) == ("rediss", "a,b")
    assert read_url("redis://a").plain_scheme == "redis"
