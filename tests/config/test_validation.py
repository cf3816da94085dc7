"""What was written is a value of its setting, or a sentence says what it must be."""

import pytest

from notifyws.config.settings import FIELDS
from notifyws.config.validation import as_table, known_keys, nearest, validated
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("url", "wss://h", "wss://h"),
        ("password", "a\nb ", "a\nb "),
        ("open_timeout", "2.5", 2.5),
        ("open_timeout", 3, 3.0),
        ("stable_after", " 0\n", 0.0),
        ("jitter", 1, 1.0),
        ("max_size", "1024", 1024),
        ("compression", "YES ", True),
        *(("compression", word, True) for word in ("1", "true", "on", True)),
        *(("compression", word, False) for word in ("0", "False", "no", "off", 0)),
        ("retry_delays", "1 2.5,4, 8", (1.0, 2.5, 4.0, 8.0)),
        ("retry_delays", [1, "2"], (1.0, 2.0)),
        ("max_retries", "3", 3),
        ("max_retries", 0, 0),
        ("max_retries", "unlimited", None),
        ("max_retries", None, None),
    ],
)
def test_a_value_takes_the_type_of_its_setting(name, given, value):
    found = validated(name, given, "here")
    assert (found, type(found)) == (value, type(value))


NUMBER = "a number from 0.1 to 86400"
WHOLE = "a whole number, 1024 or more"
NUMBERS = "numbers from 0.1 to 86400, as in 1 2 4 8"
RETRIES = "a whole number, 0 or more, or 'unlimited'"


@pytest.mark.parametrize(
    ("name", "wanted", "given"),
    [
        ("url", "text", [5, ["x"], "a\0b", None]),
        ("jitter", "a number from 0 to 1", ["1.01", "x", -0.1]),
        ("access_margin", "a number from 0 to 0.9", [5]),
        ("open_timeout", NUMBER, ["soon", -1, 0, "", "nan", "inf", True, None]),
        ("ping_timeout", NUMBER, ["1e9"]),
        ("open_timeout", NUMBER, [10**400, float("inf"), [1]]),
        ("max_size", WHOLE, ["1.5", 1.5, 1023, True, "-1", float("inf"), "9" * 5000]),
        ("compression", "true or false", ["maybe", 2, ["x"]]),
        (
            "retry_delays",
            NUMBERS,
            ["", ",", [], -5, "1 1e308", "1 -2", "1 0 4", "1 x", [True]],
        ),
        ("max_retries", RETRIES, ["-1", "many", 1.5, ["x"], True]),
    ],
)
def test_a_value_that_cannot_be_one_is_named_with_its_source(name, wanted, given):
    for value in given:
        with pytest.raises(ConfigurationError) as caught:
            validated(name, value, "config.toml")
        message = f"{name} must be {wanted}, not {value!r} (config.toml)"
        assert str(caught.value) == message
        assert caught.value.hint.endswith(FIELDS[name].help)
        usual = FIELDS[name].default
        left_out = type(usual) is float and f"leave it out for {usual:g}. "
        assert caught.value.hint.startswith(left_out or "")


@pytest.mark.parametrize("value", [12345, "p\udcff", "p\0"])
def test_a_secret_of_the_wrong_type_is_not_repeated(value):
    with pytest.raises(ConfigurationError, match=r"^password must be text \(\.env\)$"):
        validated("password", value, ".env")


TEXTS = [name for name, field in FIELDS.items() if isinstance(field.default, str)]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("sentinel\n", "ends in a newline"),
        ("sentinel\r\n", "ends in a newline"),
        ("sentinel\r", "ends in a newline"),
        ("sentinel\t", "ends in a tab"),
        ("sentinel\u200b", "ends in a character that cannot be seen"),
        ("\nsentinel", "begins with a newline"),
        ("\ufeffsentinel", "begins with a byte order mark"),
    ],
)
def test_a_text_that_ends_in_what_nobody_sees_is_said_to(name, value, said):
    """Secrets that are mounted as files often do, and no server knows them then."""
    with pytest.raises(ConfigurationError) as caught:
        validated(name, value, "the environment")
    assert str(caught.value) == f"{name} {said} (the environment)"
    assert "sentinel" not in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("value", [" a", "a "])
def test_only_words_that_people_chose_may_end_in_a_space(value):
    assert validated("password", value, "") == value
    with pytest.raises(ConfigurationError, match="a space"):
        validated("token", value, "the environment")


@pytest.mark.parametrize("name", FIELDS)
def test_every_default_is_a_good_value_of_its_setting(name):
    assert validated(name, FIELDS[name].default, "") == FIELDS[name].default


def test_the_word_that_was_meant_is_found():
    assert nearest("pasword", FIELDS) == "password"
    assert nearest("zzz", iter(FIELDS)) is None


def test_a_table_is_returned_and_anything_else_is_said_with_its_place():
    assert as_table({"a": 1}, "servers in x") == {"a": 1}
    for value in (3, "text", [{}], None):
        with pytest.raises(ConfigurationError, match="servers in x must be a table"):
            as_table(value, "servers in x")


def test_a_table_of_known_keys_is_taken_and_another_is_refused():
    assert known_keys({"a": 1}, ["a", "bcde"], "here") == {"a": 1}
    for key, hint in {"bcdf": "did you mean bcde?", "x": "known: a, bcde"}.items():
        with pytest.raises(
            ConfigurationError, match=f"unknown key {key!r} in here"
        ) as wrong:
            known_keys({key: 1}, ["a", "bcde"], "here")
        assert wrong.value.hint == hint
