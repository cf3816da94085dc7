"""What close codes, HTTP statuses and answers mean for the next step."""

import pytest

from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotHttp,
    NotifyError,
    NotWebSocket,
    ReplyLost,
    SessionFailed,
    TokenRefused,
    UpgradeRefused,
    WeAreNotTrusted,
)
from notifyws.protocol.failures import (
    LONGEST,
    FailureClassifier,
    Verdict,
    http_meaning,
    is_retried,
    is_servers_own,
)
from notifyws.protocol.profile import Http
from notifyws.protocol.profile_schema import validated

CLOSES = {
    Verdict.RENEW: [3000, 4401],
    Verdict.RENEW_ONCE: [1008],
    Verdict.STRIKE: [1002, 1003, 1007, 1009, 1010],
    Verdict.STOP: [3500, 3501, 3999, 4400, 4403, 4404, 4500, 4501, 4999],
    Verdict.RETRY: [
        *[1000, 1001, 1004, 1005, 1006, 1011, 1012, 1013, 1014, 1015],
        *[2999, 3001, 3499, 4000, 4399, 4402, 4405, 4499, 5000],
    ],
}
STATUSES = {
    Verdict.RENEW: [401],
    Verdict.RETRY: [408, 425, 429, 500, 502, 503, 504, 599],
    Verdict.STOP: [
        *[200, 204, 301, 302, 307, 400, 402, 403, 404, 407, 409, 410, 424, 426],
        *[428, 430, 451, 499, 600],
    ],
}


def rows(table):
    return [(code, verdict) for verdict, codes in table.items() for code in codes]


ANSWERS = (200, 301, 400, 403, 404, 405, 410, 421)
OTHERS = [
    HttpRefused("no", status=404),
    HttpRefused("maintenance", status=302),
    NotWebSocket("junk"),
    NotHttp("junk"),
    CertificateRejected("default certificate"),
    CertificateRejected("expired", reason="expired"),
    CertificateRejected("another", reason="name"),
    WeAreNotTrusted("alert unknown ca"),
    AuthenticationFailed("access denied", by_words=True),
]


def of_answer(status):
    return UpgradeRefused(f"{status}", status=status)


def of_close(code, **profile):
    return FailureClassifier(**profile).of(ConnectionLost(code))


def of_status(status, **profile):
    return FailureClassifier(**profile).of(UpgradeRefused("no", status=status))


@pytest.mark.parametrize(("code", "verdict"), rows(CLOSES))
def test_a_close_code_means_this(code, verdict):
    assert of_close(code) is verdict


@pytest.mark.parametrize(("status", "verdict"), rows(STATUSES))
def test_a_refused_upgrade_means_this(status, verdict):
    assert of_status(status) is verdict
    assert is_retried(status) is (verdict is Verdict.RETRY)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (NotWebSocket("junk"), Verdict.STRIKE),
        (NotHttp("junk"), Verdict.STRIKE),
        (ReplyLost("cut"), Verdict.RETRY),
        (CertificateRejected("expired"), Verdict.STOP),
        (AuthenticationFailed("no"), Verdict.STOP),
        (ConfigurationError("no"), Verdict.STOP),
        (NetworkFailed("refused"), Verdict.RETRY),
        (HttpRefused("odd", status=200), Verdict.RETRY),
        (HttpRefused("no", status=401), Verdict.RETRY),
        (HttpRefused("busy", status=429), Verdict.RETRY),
        (HttpRefused("down", status=503), Verdict.RETRY),
        (HttpRefused("moved", status=307), Verdict.STOP),
        (HttpRefused("no", status=404), Verdict.STOP),
        (NotifyError("?"), Verdict.RETRY),
        (TokenRefused("no"), Verdict.RENEW),
        (SessionFailed("no"), Verdict.RETRY),
        *((SessionFailed("no", means=each.value), each) for each in Verdict),
    ],
)
def test_other_errors_mean_this(error, verdict):
    assert FailureClassifier().of(error) is verdict


def test_a_profile_is_asked_before_the_general_table():
    closes = {"4401": "stop", "1000": "retry now"}
    assert of_close(4401, closes=closes) is Verdict.STOP
    assert of_close(1000, closes=closes) is Verdict.RETRY_NOW
    assert of_close(4403, closes=closes) is Verdict.STOP
    assert of_status(404, statuses={"404": "retry"}) is Verdict.RETRY


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *((4099, Verdict.RETRY), (4100, Verdict.RENEW), (4150, Verdict.STRIKE)),
        *((4199, Verdict.RENEW), (4200, Verdict.RETRY)),
    ],
)
def test_a_profile_may_name_a_range_both_ends_included_and_before_it_a_part(
    code, verdict
):
    closes = {"4150": "strike", "4100-4199": "renew"}
    assert of_close(code, closes=closes) is verdict


@pytest.mark.parametrize("key", ["", "x", "4xx", "-5", "1-x", "1-2-3"])
@pytest.mark.parametrize("table", ["closes", "statuses"])
def test_what_is_neither_a_code_nor_a_range_is_refused(table, key):
    with pytest.raises(ConfigurationError, match="neither a code nor a range"):
        FailureClassifier(**{table: {key: "stop"}})


def test_closes_are_told_apart_by_the_words_of_their_reason():
    classifier = FailureClassifier({"1001": "retry now", "1001 410 Gone": "stop"})
    assert classifier.of(ConnectionLost(1001, "410 Gone")) is Verdict.STOP
    assert classifier.of(ConnectionLost(1001, "bye")) is Verdict.RETRY_NOW


@pytest.mark.parametrize(
    ("code", "words", "verdict"),
    [
        (4000, "invalid token", Verdict.RENEW),
        (4403, "Token has expired", Verdict.RENEW),
        (1008, "token expired", Verdict.RENEW),
        (1011, "Unauthorized", Verdict.RENEW),
        (4500, "bad access token", Verdict.RENEW),
        (4001, "Session revoked", Verdict.RENEW),
        (4000, "authentication failed", Verdict.RENEW),
        (4000, "JWT is not valid", Verdict.RENEW),
        (3000, "no token given", Verdict.RENEW),
        (4403, "Forbidden", Verdict.DENIED),
        (4404, "permission denied for channel news", Verdict.DENIED),
        (4000, "Forbidden", Verdict.RETRY),
        (4403, "no such channel", Verdict.STOP),
        (1012, "tokenizer restarts", Verdict.RETRY),
        (1001, "session moved to another node", Verdict.RETRY),
        (1002, "invalid frame", Verdict.STRIKE),
    ],
)
def test_words_that_refuse_a_token_do_so_whatever_the_code_is(code, words, verdict):
    lost = ConnectionLost(code, words)
    assert FailureClassifier().of(lost) is verdict
    assert FailureClassifier({str(code): "stop"}).of(lost) is Verdict.STOP


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013, 1014])
def test_what_a_server_that_worked_says_of_itself_refuses_no_token(code):
    lost = ConnectionLost(code, 'password authentication failed for user "postgres"')
    classifier = FailureClassifier()
    assert classifier.of(lost) is Verdict.RENEW
    assert classifier.of(lost, worked=True) is Verdict.RETRY
    named = FailureClassifier({f"{code} password": "stop"})
    assert named.of(lost, worked=True) is Verdict.STOP


@pytest.mark.parametrize("code", [1000, 1008, 3000, 4000])
def test_what_a_server_that_worked_says_of_us_refuses_a_token(code):
    lost = ConnectionLost(code, "session revoked")
    assert FailureClassifier().of(lost, worked=True) is Verdict.RENEW


def test_our_own_words_refuse_no_token():
    ours = ConnectionLost(1002, "invalid token", sent=True)
    assert FailureClassifier().of(ours) is Verdict.STRIKE


@pytest.mark.parametrize("error", [*map(of_answer, ANSWERS), *OTHERS], ids=str)
def test_what_a_proxy_may_say_is_final_only_at_a_server_that_never_worked(error):
    classifier = FailureClassifier()
    assert classifier.of(error) in (Verdict.STOP, Verdict.STRIKE)
    assert classifier.of(error, worked=True) is Verdict.RETRY


def test_what_is_really_final_stays_so_at_a_server_that_worked():
    classifier = FailureClassifier({"4001": "stop"}, {"403": "stop", "404": "denied"})
    finals = [AuthenticationFailed("no"), ConfigurationError("no")]
    finals += [ConnectionLost(4001), ConnectionLost(4500), of_answer(403)]
    finals += [SessionFailed("no", means="stop")]
    assert {classifier.of(each, worked=True) for each in finals} == {Verdict.STOP}
    assert classifier.of(of_answer(404), worked=True) is Verdict.DENIED
    assert classifier.of(of_answer(401), worked=True) is Verdict.RENEW


def test_a_certificate_that_is_not_valid_yet_may_become_so():
    error = CertificateRejected("early", reason="early")
    assert FailureClassifier().of(error) is Verdict.RETRY


WRONG = {"means": "bad credentials", "message": "why"}
HTTP = validated(
    Http,
    {
        "refused": [401],
        "failures": [
            {"status": "400-403", "when": "code == 'OLD'", "means": "expired"},
            {"when": "why == 'wrong'", **WRONG, "hint": "look there"},
            {"status": "400", **WRONG},
            {"when": "busy", "means": "throttled", "message": "nonesuch"},
        ],
    },
)


@pytest.mark.parametrize(
    ("status", "body", "means", "said"),
    [
        (400, {"code": "OLD"}, "expired", ""),
        (403, {"code": "OLD"}, "expired", ""),
        (404, {"code": "OLD"}, None, ""),
        (400, {"why": "wrong"}, "bad credentials", "wrong"),
        (400, {"why": "w" * 999}, "bad credentials", "w" * LONGEST),
        (400, None, "bad credentials", ""),
        (200, {"busy": True}, "throttled", ""),
        (401, {}, "log in again", ""),
        (500, {}, None, ""),
    ],
)
def test_the_first_failure_that_fits_says_what_it_means(status, body, means, said):
    found = http_meaning(HTTP, status, body, "log in again")
    assert found == (means, said, "look there" if said == "wrong" else "")


@pytest.mark.parametrize(
    ("error", "blames"),
    [
        (SessionFailed("no", means="renew once"), True),
        (ConnectionLost(1008), False),
        (ConnectionLost(4000), True),
    ],
)
def test_a_doubt_that_the_profile_names_is_about_the_token(error, blames):
    classifier = FailureClassifier({"4000": "renew once"})
    assert classifier.blames_token(error) is blames


@pytest.mark.parametrize(("status", "own"), [(422, True), (403, False), (502, False)])
def test_words_are_the_servers_own_where_no_proxy_answers_so(status, own):
    assert is_servers_own(status) is own
