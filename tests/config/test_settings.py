"""Settings: what each is by default, and that each explains itself."""

import pytest

from notifyws.config.settings import (
    FIELDS,
    NEUTRAL,
    Settings,
    TypeStyle,
    environment_name,
)


@pytest.mark.parametrize("setting", FIELDS.values(), ids=FIELDS)
def test_every_setting_has_a_sentence_of_help(setting):
    words = setting.help
    assert words[0].isupper()
    assert words.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profile", "default"),
        ("access_ttl", 15 * 60),
        ("refresh_ttl", 7 * 86400),
        ("access_margin", 1 / 5),
        ("refresh_margin", 1 / 14),
        ("retry_delays", (1, 2, 4, 8, 16, 30)),
        ("jitter", 0.5),
        ("stable_after", 30),
        ("max_retries", None),
        ("retry_after_max", 300),
        ("ping_interval", 20),
        ("ping_timeout", 10),
        ("http_timeout", 10),
        ("max_size", 1024**2),
        ("compression", False),
        ("queue_count", 10_000),
        ("queue_bytes", 16 * 1024**2),
    ],
)
def test_the_defaults_are_the_promised_ones(name, value):
    assert getattr(Settings(), name) == value


SIDES = {
    "server": "url socket_url redis_url cache_url cache_key server profile variables "
    "token_in ca_file client_cert client_key link_base",
    "credential": "password token client_key_password",
    "client": "username keyring origin user_id access_ttl refresh_ttl access_margin "
    "refresh_margin retry_delays jitter stable_after max_retries retry_after_max "
    "open_timeout http_timeout close_timeout ping_interval ping_timeout max_size "
    "verify_every compression queue_count queue_bytes queue_disk hand_on_delays "
    "exec_timeout concurrency group_count group_age group_lease",
}
"""Does it decide where credentials go, how they travel or whom we trust?"""


def test_every_setting_has_said_on_which_side_it_stands():
    """A new one is thought about here: what may a strange folder do with it?"""
    said = {name: side for side, names in SIDES.items() for name in names.split()}
    assert {name: setting.side for name, setting in FIELDS.items()} == said
    assert Settings.__struct_fields__ == (*FIELDS, "styles", "apart")  # not said so


def test_secrets_are_not_shown():
    secret = [name for name, setting in FIELDS.items() if setting.secret]
    caches = ["redis_url", "cache_url", "cache_key"]
    assert secret == ["password", "token", *caches, "client_key_password"]
    assert "hush" not in repr(Settings(**dict.fromkeys(secret, "hush")))


def test_the_socket_may_have_a_url_of_its_own():
    assert Settings("wss://a").connect_url == "wss://a"
    assert Settings(url="wss://a", socket_url="wss://b").connect_url == "wss://b"


@pytest.mark.parametrize(
    ("kind", "label", "link"),
    [
        ("trip_update", "View Trip", "/trips"),
        ("payment_approved", "View Payment", "/payments"),
        ("message_received", "View Message", "/chat"),
        ("anything_else", "View", None),
    ],
)
def test_a_type_has_its_label_and_fallback_link(kind, label, link):
    style = Settings().style(kind)
    assert (style.label, style.link) == (label, link)


def test_styles_can_be_replaced():
    mine = TypeStyle("!", "red")
    settings = Settings(styles={"x": mine})
    assert settings.style("x") is mine
    assert settings.style("trip_update") is NEUTRAL


def test_no_two_settings_share_a_variable():
    assert len({environment_name(name) for name in FIELDS}) == len(FIELDS)
