"""OAuth 2.0 in HTTP steps: what a profile's two tables for it stand for. Pure.

The device grant is RFC 8628, the client credentials grant is section 4.4 of RFC 6749,
the refresh that follows either is its section 6, and how a client shows who it is its
section 2.3.1. What a profile says itself (``refresh``, ``[tokens]``) goes before what
follows from these.
"""

from __future__ import annotations

from msgspec.structs import replace

from notifyws.protocol.profile import ClientCredentials, Device, Profile, Step, Tokens

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PLACES = {
    "page": "verification_uri || verification_url",
    "complete_page": "verification_uri_complete || verification_url_complete",
    "lifetime": "expires_in",
    "interval": "interval",
}
"""Where the answer to a device says what is no secret; ``_url`` is Google's name."""
GRANTED = Tokens(
    access="access_token",
    refresh="refresh_token",
    expires_in="expires_in",
    id_token="id_token",  # noqa: S106 - where it stands
)
"""Where every OAuth server puts what it grants (RFC 6749, section 5.1)."""


def completed(profile: Profile) -> Profile:
    """Return a profile with the steps and places that its OAuth tables stand for."""
    http = profile.http
    device, credentials = http.device, http.client_credentials
    if device is None and credentials is None:
        return profile
    if credentials is not None:
        http = replace(http, login=login_step(credentials))
    if device is not None and http.refresh is None:
        http = replace(http, refresh=refresh_step(device))
    return replace(profile, http=http, tokens=profile.tokens or GRANTED)


def code_step(device: Device) -> Step:
    """Return the request for a code (RFC 8628, section 3.1)."""
    fields = {**_client(device), **_scope(device.scope), **device.more}
    secret = {name: name for name in ("device_code", "user_code")}
    return Step(path=device.path, form=fields, capture=secret)


def poll_step(device: Device) -> Step:
    """Return the request for its token (section 3.4); no success while it waits.

    GitHub says with a 200 what section 3.5 says with a 400.
    """
    code = {"grant_type": DEVICE_CODE, "device_code": "{device_code}"}
    return Step(path=device.token_path, form={**code, **_client(device)}, ok="!error")


def refresh_step(device: Device) -> Step:
    """Return the request by which a refresh token gives new tokens."""
    token = {"grant_type": "refresh_token", "refresh_token": "{refresh_token}"}
    return Step(path=device.token_path, form={**token, **_client(device)})


def login_step(credentials: ClientCredentials) -> Step:
    """Return the request by which a program logs in as itself."""
    grant = {"grant_type": "client_credentials"}
    fields = {**grant, **_scope(credentials.scope), **credentials.more}
    path = credentials.token_path
    if credentials.secret_in == "basic":
        return Step(path=path, form=fields, basic="{username|form}:{password|form}")
    shown = {"client_id": "{username}", "client_secret": "{password}"}
    return Step(path=path, form={**fields, **shown})


def _client(device: Device) -> dict[str, str]:
    secret = device.client_secret
    shown = {"client_id": device.client_id}
    return shown if secret is None else {**shown, "client_secret": secret}


def _scope(scope: str | None) -> dict[str, str]:
    return {} if scope is None else {"scope": scope}
