"""A login that a person approves in a browser: OAuth 2.0's device grant (RFC 8628).

The server is asked for a code, somebody is shown it, and the server is asked for the
token until it has been approved there, as often as the server wants. What is shown to
people, and how, is the caller's; where the codes and tokens stand, the profile's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from notifyws.auth.http_refusals import Refusal
from notifyws.auth.http_steps import OTHER_KIND
from notifyws.clock import Clock, boot_time, span
from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    HttpRefused,
    NetworkFailed,
    ReplyLost,
)
from notifyws.models import Masked, TokenPair, as_number, as_text
from notifyws.protocol.masking import sendable
from notifyws.protocol.oauth import PLACES, code_step, poll_step
from notifyws.protocol.profile import Device, Failure
from notifyws.protocol.token_replies import captured

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.auth.http_api import HttpApi

INTERVAL = 5.0
"""Seconds between two questions where the server names none (section 3.2)."""
SLOWER = 5.0
"""Seconds that ``slow_down`` adds, for good (section 3.5)."""
SLOWEST = 60.0
"""Seconds between two, at most, where nobody answers; a server may want more."""
SOONEST = 0.5
"""Seconds between two at least, whatever the server says."""
LIFETIME = 600.0
"""Seconds that a code is good for where the server does not say, as it must."""
LONGEST = 86_400.0
"""Seconds beyond which a server's numbers are not believed."""
TYPED = 64
"""Characters of a code that somebody may be asked to type."""
LONGEST_URL = 2000
"""Characters of a page's URL."""
OF_THE_CODE = (
    *("authorization_pending", "slow_down"),
    *("access_denied", "expired_token", "invalid_grant"),
)
"""The answers that say how it stands with the code (section 3.5, and RFC 6749's)."""
AGAIN = "begin again: notifyws auth login"
CLIENT = Refusal(
    AuthenticationFailed,
    "gives this program no code and no token",
    "correct client_id, client_secret and scope: NOTIFYWS_VARIABLES, or the profile",
)
STANDING = Failure(
    when=" || ".join(f"error == '{word}'" for word in OF_THE_CODE), means="retry"
)
"""Keeps what is no refusal of ours from being taken for one by its words."""


class DeviceCode(Masked, frozen=True):
    """What a person needs for approving a login.

    Args:
        user_code: what to enter there.
        url: where.
        complete_url: the same with the code in it, for a QR code; may be empty.
        lifetime: seconds that the code is good for.
        interval: seconds between two questions to the server.
        device_code: what the server knows us by.
    """

    masked: ClassVar = ("device_code",)

    user_code: str
    url: str
    complete_url: str
    lifetime: float
    interval: float
    device_code: str


async def log_in_by_device(
    auth: Authenticator, show: Callable[[DeviceCode], None]
) -> tuple[AccessToken, TokenPair]:
    """Log in by a code that somebody approves in a browser; keep the tokens.

    Args:
        auth: of a profile that has a device login.
        show: is given what a person needs.

    Raises:
        AuthenticationFailed: it was denied, or the code ran out.
        NetworkFailed: no answer, or none that makes sense.
    """
    device = auth.profile.http.device
    assert device is not None
    code = await _code(auth.http, device)
    show(code)
    pair = await _approved(auth.http, device, code, auth.clock)
    return await auth.token_manager.keep(pair), pair


async def _code(http: HttpApi, device: Device) -> DeviceCode:
    step = code_step(device)
    answer = (await http.steps.run([step], {}, CLIENT))[-1]
    found = captured({**step.capture, **PLACES}, answer)
    device_code = as_text(found["device_code"])
    user_code = as_text(found["user_code"]).strip()
    typed = user_code.isprintable() and len(user_code) <= TYPED
    url = _web_page(found["page"])
    for name, value in (
        ("device_code", device_code),
        ("user_code that can be typed", user_code if typed else ""),
        ("verification_uri that is a web page", url),
    ):
        if not value:
            place = f"{http.steps.origin}{step.path}"
            message = f"{place} answered, but the reply holds no {name}"
            raise ReplyLost(message, OTHER_KIND)
    return DeviceCode(
        user_code,
        url,
        _web_page(found["complete_page"]),
        _seconds(found["lifetime"], LIFETIME),
        max(_seconds(found["interval"], INTERVAL), SOONEST),
        device_code,
    )


async def _approved(
    http: HttpApi, device: Device, code: DeviceCode, clock: Clock
) -> TokenPair:
    """Ask for the token until there is one, no faster than the server wants."""
    step = poll_step(device)
    interval = min(code.interval, 0.9 * code.lifetime)  # or nobody would ever ask
    steps = http.steps.taking(STANDING)
    known = {"device_code": code.device_code}
    end = boot_time(clock) + code.lifetime
    while True:
        left = end - boot_time(clock)
        await clock.sleep(min(interval, max(left, 0.0)))
        if boot_time(clock) >= end:
            raise _ran_out(code)
        try:
            answers = await steps.run([step], known, CLIENT)
        except HttpRefused as error:
            interval = _next(error, code, interval)
        except CertificateRejected:
            raise
        except NetworkFailed:  # less often, as section 3.5 wants it
            interval = max(interval, min(2 * interval, SLOWEST))
        else:
            return http.tokens([step], answers)


def _next(error: HttpRefused, code: DeviceCode, interval: float) -> float:
    """Return the seconds until the next question, after an answer that is no token.

    Raises:
        AuthenticationFailed: nobody has to be asked any more.
        HttpRefused: the answer says nothing of the code.
    """
    body = error.body
    match body.get("error") if isinstance(body, dict) else None:
        case "authorization_pending":
            return interval
        case "slow_down":
            return interval + SLOWER
        case "access_denied":
            raise AuthenticationFailed("the login was denied", AGAIN) from None
        case "expired_token":
            raise _ran_out(code) from None
        case "invalid_grant":
            message = "the server does not know this code any more"
            raise AuthenticationFailed(message, AGAIN) from None
    if error.status == 429 or error.status >= 500:  # not of the code, and may pass
        slower = max(interval, min(2 * interval, SLOWEST))
        return max(slower, min(error.retry_after or 0.0, LONGEST))
    raise error


def _ran_out(code: DeviceCode) -> AuthenticationFailed:
    message = f"nobody approved the login within {span(code.lifetime)}"
    return AuthenticationFailed(message, AGAIN)


def _web_page(found: Any) -> str:
    """Return a URL that a person can open; empty where it is none."""
    text = as_text(found).strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    plain = sendable(text) and len(text) <= LONGEST_URL
    return text if plain and parts.scheme in ("http", "https") and parts.netloc else ""


def _seconds(found: Any, otherwise: float) -> float:
    """Return a number of seconds that makes sense."""
    seconds = as_number(found)
    return min(seconds, LONGEST) if seconds and seconds > 0 else otherwise
