"""Text as settings: in their type, or a sentence that says what is wanted."""

import pytest

from notifyws.config.validation import (
    FIELDS,
    as_table,
    coerced,
    environment_name,
    nearest,
)
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("url", "wss://h", "wss://h"),
        ("open_timeout", "2.5", 2.5),
        ("open_timeout", 3, 3.0),
        ("stable_after", "0", 0.0),
        ("max_size", "1024", 1024),
        ("max_retries", 0, 0),
        ("compression", "YES ", True),
        ("compression", "1", True),
        ("compression", "true", True),
        ("compression", "on", True),
        ("compression", "0", False),
        ("compression", "False", False),
        ("compression", "no", False),
        ("compression", True, True),
        ("compression", "off", False),
        ("compression", 0, False),
        ("retry_delays", "1 2.5,4, 8", (1.0, 2.5, 4.0, 8.0)),
        ("retry_delays", [1, "2"], (1.0, 2.0)),
        ("max_retries", "3", 3),
        ("max_retries", "unlimited", None),
        ("max_retries", None, None),
    ],
)
def test_a_value_takes_the_type_of_its_setting(name, given, value):
    found = coerced(FIELDS[name], given, "here")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("url", 5, "text"),
        ("url", "a\0b", "text"),
        ("open_timeout", "soon", "a number, not negative"),
        ("open_timeout", -1, "a number, not negative"),
        ("open_timeout", "nan", "a number, not negative"),
        ("open_timeout", "inf", "a number, not negative"),
        ("open_timeout", True, "a number, not negative"),
        ("open_timeout", None, "a number, not negative"),
        ("open_timeout", 10**400, "a number, not negative"),
        ("max_size", "1.5", "a whole number, not negative"),
        ("max_size", 1.0, "a whole number, not negative"),
        ("max_size", True, "a whole number, not negative"),
        ("max_size", "-1", "a whole number, not negative"),
        ("max_size", float("inf"), "a whole number, not negative"),
        ("compression", "maybe", "true or false"),
        ("compression", 2, "true or false"),
        ("retry_delays", "", "numbers, as in 1 2 4 8"),
        ("retry_delays", [], "numbers, as in 1 2 4 8"),
        ("retry_delays", 5, "numbers, as in 1 2 4 8"),
        ("retry_delays", "1 -2", "numbers, as in 1 2 4 8"),
        ("max_retries", "-1", "a whole number or 'unlimited'"),
        ("max_retries", "many", "a whole number or 'unlimited'"),
    ],
)
def test_a_value_that_cannot_be_one_is_named_with_its_source(name, given, wanted):
    with pytest.raises(ConfigurationError) as caught:
        coerced(FIELDS[name], given, "config.toml")
    message = f"{name} must be {wanted}, not {given!r} (config.toml)"
    assert str(caught.value) == message
    assert caught.value.hint == FIELDS[name].metadata["help"]


def test_a_secret_is_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        coerced(FIELDS["password"], 12345, ".env")
    assert str(caught.value) == "password must be text (.env)"


@pytest.mark.parametrize("name", FIELDS)
def test_every_default_is_a_good_value_of_its_setting(name):
    assert coerced(FIELDS[name], FIELDS[name].default, "") == FIELDS[name].default


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("url", "WEBSOCKET_SERVER_URL"),
        ("socket_url", "NEXT_PUBLIC_WEBSOCKET_SERVER_URL"),
        ("username", "WEBSOCKET_USERNAME"),
        ("password", "WEBSOCKET_PASSWORD"),
        ("redis_url", "REDIS_URL"),
        ("cache_url", "NOTIFYWS_CACHE_URL"),
        ("server", "NOTIFYWS_SERVER"),
        ("profile", "NOTIFYWS_PROFILE"),
        ("token", "NOTIFYWS_TOKEN"),
        ("max_retries", "NOTIFYWS_MAX_RETRIES"),
    ],
)
def test_a_setting_has_this_variable(name, variable):
    assert environment_name(name) == variable


def test_no_two_settings_share_a_variable():
    assert len({environment_name(name) for name in FIELDS}) == len(FIELDS)


def test_the_word_that_was_meant_is_found():
    assert nearest("pasword", FIELDS) == "password"
    assert nearest("zzz", iter(FIELDS)) is None


@pytest.mark.parametrize(
    ("name", "given", "what"),
    [
        ("jitter", "1.01", "from 0 to 1"),
        ("access_margin", 5, "from 0 to 0.9"),
        ("retry_delays", "1 0 4", "0.1 or more"),
        ("ping_interval", "0.9", "1 or more"),
        ("max_size", 1023, "1024 or more"),
        ("queue_count", "0", "1 or more"),
        ("open_timeout", "0", "0.1 or more"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_with_its_range(name, given, what):
    with pytest.raises(ConfigurationError, match=f"^{name} must be {what}, not .*here"):
        coerced(FIELDS[name], given, "here")


def test_the_ends_of_a_range_belong_to_it():
    for name, end in (("jitter", 1), ("jitter", 0), ("max_size", 1024)):
        assert coerced(FIELDS[name], end, "here") == end


def test_text_that_was_no_utf8_is_refused_without_showing_a_secret():
    with pytest.raises(ConfigurationError) as caught:
        coerced(FIELDS["password"], "p\udcff", "here")
    assert caught.value.message == "password must be text (here)"


def test_a_table_is_returned_and_anything_else_is_said_with_its_place():
    assert as_table({"a": 1}, "servers in x") == {"a": 1}
    for value in (3, "text", [{}], None):
        with pytest.raises(ConfigurationError, match="servers in x must be a table"):
            as_table(value, "servers in x")
