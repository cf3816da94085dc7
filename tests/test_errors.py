"""The tree of errors, and what each means to a shell."""

import pytest

from notifyws import errors
from notifyws.errors import ConnectionLost, NotifyError

TREE = [
    ("NotifyError", "Exception", 1, "internal"),
    ("UsageError", "NotifyError", 2, "usage"),
    ("ConfigurationError", "NotifyError", 2, "configuration"),
    ("TimeRanOut", "NotifyError", 3, "timeout"),
    ("AuthenticationFailed", "NotifyError", 4, "authentication_failed"),
    ("NetworkFailed", "NotifyError", 5, "network_error"),
    ("UpgradeRefused", "NetworkFailed", 5, "network_error"),
    ("ConnectionLost", "NetworkFailed", 5, "network_error"),
    ("HttpRefused", "NetworkFailed", 5, "network_error"),
    ("NotWebSocket", "NetworkFailed", 5, "network_error"),
    ("NotHttp", "ReplyLost", 5, "network_error"),
    ("TokenRefused", "NetworkFailed", 5, "network_error"),
    ("ReplyLost", "NetworkFailed", 5, "network_error"),
    ("SessionFailed", "NetworkFailed", 5, "network_error"),
    ("CertificateRejected", "NetworkFailed", 5, "network_error"),
    ("WeAreNotTrusted", "CertificateRejected", 4, "authentication_failed"),
    ("MessageRejected", "NotifyError", 6, "rejected"),
    ("MessageUnconfirmed", "NotifyError", 6, "unconfirmed"),
    ("OutputFailed", "NotifyError", 74, "output"),
    ("DeliveryFailed", "NotifyError", 1, "internal"),
    ("CacheFailed", "NotifyError", 1, "internal"),
]


def test_every_error_is_in_the_tree_and_in_its_drawing():
    names = [row[0] for row in TREE]
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    ours = [each.__name__ for each in kinds if issubclass(each, Exception)]
    assert sorted(names) == sorted(ours)
    for name in names:
        assert f" {name} " in errors.__doc__.replace("\n", " ")


@pytest.mark.parametrize(("name", "parent", "exit_code", "kind"), TREE)
def test_an_error_has_this_parent_exit_code_and_kind(name, parent, exit_code, kind):
    error = getattr(errors, name)
    assert error.__base__.__name__ == parent
    assert (error.exit_code, error.kind) == (exit_code, kind)


def test_an_error_speaks_its_sentence_and_keeps_its_hint():
    error = NotifyError("it broke", "mend it")
    assert (str(error), error.message, error.hint) == (
        "it broke",
        "it broke",
        "mend it",
    )
    assert NotifyError("it broke").hint == ""


def test_in_json_an_error_is_its_kind_message_and_hint():
    assert errors.AuthenticationFailed("no", "log in").as_json() == {
        "error": {"kind": "authentication_failed", "message": "no", "hint": "log in"}
    }


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (1000, "", "connection closed (1000)"),
        (1012, "restart", "connection closed (1012): restart"),
        (1006, "", "connection cut"),
        (1006, "reset", "connection cut: reset"),
    ],
)
def test_a_lost_connection_says_its_code_and_reason(code, reason, sentence):
    error = ConnectionLost(code, reason)
    assert (str(error), error.code, error.reason) == (sentence, code, reason)
    assert error.sent is False
    assert ConnectionLost(code, sent=True).sent is True


@pytest.mark.parametrize(
    ("code", "sent", "hint"),
    [
        (1009, True, "let larger frames in with NOTIFYWS_MAX_SIZE=<bytes>"),
        (1009, False, "notifyws status --check"),
        (1006, False, "notifyws status --check"),
        (3500, False, "notifyws status --check"),
        (4403, False, "notifyws status --check"),
    ],
)
def test_a_lost_connection_knows_what_to_try(code, sent, hint):
    assert ConnectionLost(code, "why", sent=sent).hint == hint
