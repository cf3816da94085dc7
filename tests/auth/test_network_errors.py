"""What HTTP's headers say, whatever stands in them."""

import time

import pytest

from notifyws.auth.network_errors import http_date, retry_after

FAR = "9" * 400
NO_DATES = [
    *("", "soon", FAR, f"Mon, 1 Jan {FAR} 00:00:00 GMT"),
    *(f"Mon, 1 Jan 2000 {FAR}:00:00 GMT", "Mon, 1 Jan 99999 00:00:00 GMT"),
    *(f"Mon, 1 Jan 2000 00:00:00 +{FAR}", f"Mon, 1 Jan 2000 00:00:00 -{FAR}"),
]


def test_a_date_is_unix_seconds():
    assert http_date("Mon, 15 Jan 2024 10:30:00 GMT") == 1705314600.0


@pytest.mark.parametrize("text", NO_DATES)
def test_what_no_calendar_knows_is_no_date_and_nothing_to_wait_for(text):
    assert http_date(text) is None
    assert retry_after(text) in (None, 999_999_999.0)


def test_a_time_to_come_back_is_seconds_or_a_date():
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert retry_after(" 7 ") == 7.0
    assert 58.0 < retry_after(later) <= 60.0
    assert retry_after("Mon, 15 Jan 2024 10:30:00 GMT") == 0.0
    assert retry_after(None) is None
