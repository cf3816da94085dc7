"""An OAuth server by script, built from the RFCs, with a socket for its tokens.

- RFC 8628, section 3.1 (a code is asked for: a form with ``client_id``, ``scope``),
  3.2 (the answer), 3.4 (the token is asked for), 3.5 (how it stands: pending, slow
  down, denied, expired; whoever asks too early is told to slow down).
- RFC 6749, section 2.3.1 (a client's secret, by HTTP basic authentication with both
  form-encoded, or as fields), 4.4 (client credentials; no refresh token is given), 5.1
  and 5.2 (tokens, errors), 6 (refresh; the token rotates).
- RFC 6750, section 2.1 (the bearer token opens the socket).

It is strict: what the RFCs forbid a client is a failure of the test.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

from tests.support.httpd import CLOSE, PING, PONG, Peer, Request, answer, json_answer

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT = "notify cli:1"
SECRET = "s3cret/ +%:ü"
DEVICE_CODE = "sentinel-device-code-4f"
USER_CODE = "WDJB-MJHT"
NEWS = '{"type": "message_received", "title": "Hi", "id": "1"}'

DEVICE = f"""\
name = "acme"
[constants]
client_id = "{CLIENT}"
[http.device]
path = "/device_authorization"
token_path = "/token"
client_id = "{{client_id}}"
scope = "news offline_access"
[[rules]]
then = "notification"
"""
MACHINE = """\
name = "acme"
[http.client_credentials]
token_path = "/token"
scope = "news"
[[rules]]
then = "notification"
"""


class OAuthServer:
    """What the server knows; its ``story`` is for ``httpd``.

    Args:
        polls: what each question for the token is answered, until it is granted: an
            error of section 3.5, or bytes to write as they are.
        now: seconds, to see who asks too early.
        code: fields of the answer of section 3.2, in place of the usual ones.
        lives: seconds that an access token lives.
    """

    def __init__(
        self,
        *polls: str | bytes,
        now: Callable[[], float] = time.monotonic,
        code: dict | None = None,
        lives: int = 600,
    ) -> None:
        self._polls = list(polls)
        self._now = now
        self._code = code or {}
        self._lives = lives
        self._granted = 0
        self.interval = 5.0
        self.asked: list[float] = []
        self.scopes: list[str | None] = []
        self.grants: list[str] = []
        self.refresh_token = ""
        self.access_tokens: list[str] = []

    async def story(self, peer: Peer) -> None:
        request = await peer.request()
        path = request.target.partition("?")[0]
        if path == "/device_authorization":
            await peer.write(self._device_code(request, self._form(request)))
        elif path == "/token":
            await peer.write(self._token(request, self._form(request)))
        elif request.method in ("HEAD", "POST"):
            await peer.write(answer(404))
        else:
            await self._socket(peer, request)

    def _form(self, request: Request) -> dict[str, str]:
        assert request.method == "POST"
        kind = request.headers["content-type"]
        assert kind == "application/x-www-form-urlencoded", kind
        pairs = parse_qsl(request.body.decode(), strict_parsing=True)
        assert len({name for name, _ in pairs}) == len(pairs), "given twice"
        return dict(pairs)

    def _device_code(self, request: Request, form: dict[str, str]) -> bytes:
        if form.pop("client_id") != CLIENT:
            return self._error("invalid_client", 401)
        self.scopes.append(form.get("scope"))
        self.interval = float(self._code.get("interval", 5))
        host = request.headers["host"]
        said = {
            "device_code": DEVICE_CODE,
            "user_code": USER_CODE,
            "verification_uri": f"http://{host}/device",
            "verification_uri_complete": f"http://{host}/device?user_code={USER_CODE}",
            "expires_in": 900,
            **self._code,
        }
        known = {name: value for name, value in said.items() if value is not None}
        return json_answer(known, Cache_Control="no-store")

    def _token(self, request: Request, form: dict[str, str]) -> bytes:
        self.grants.append(form["grant_type"])
        match form["grant_type"]:
            case grant if grant == DEVICE_GRANT:
                assert form["client_id"] == CLIENT
                assert form["device_code"] == DEVICE_CODE
                return self._polled()
            case "refresh_token":
                assert form["client_id"] == CLIENT
                if form["refresh_token"] != self.refresh_token:
                    return self._error("invalid_grant")
                return self._grant(refresh=True)
            case "client_credentials":
                self.scopes.append(form.get("scope"))
                if self._shown(request, form) != (CLIENT, SECRET):
                    return self._error("invalid_client", 401)
                return self._grant(refresh=False)
        return self._error("unsupported_grant_type")

    def _polled(self) -> bytes:
        waited = self._now() - self.asked[-1] if self.asked else self.interval
        early = waited < self.interval - 0.01
        self.asked.append(self._now())
        if early:
            self.interval += 5
            return self._error("slow_down")
        if not self._polls:
            return self._grant(refresh=True)
        says = self._polls.pop(0)
        if isinstance(says, bytes):
            return says
        if says == "slow_down":
            self.interval += 5
        return self._error(says)

    def _shown(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        """Return a client's name and secret; it shows them in one way only."""
        scheme, _, coded = request.headers.get("authorization", "").partition(" ")
        if not coded:
            return form["client_id"], form["client_secret"]
        assert scheme == "Basic"
        assert "client_secret" not in form
        name, _, secret = base64.b64decode(coded).decode("ascii").partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def _grant(self, *, refresh: bool) -> bytes:
        self._granted += 1
        self.access_tokens.append(f"sentinel-access-{self._granted}")
        given = {
            "access_token": self.access_tokens[-1],
            "token_type": "Bearer",
            "expires_in": self._lives,
        }
        if refresh:
            self.refresh_token = f"sentinel-refresh-{self._granted}"
            given["refresh_token"] = self.refresh_token
        return json_answer(given, Cache_Control="no-store")

    def _error(self, error: str, status: int = 400) -> bytes:
        return json_answer({"error": error}, status)

    async def _socket(self, peer: Peer, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.access_tokens[-1]}":
            return await peer.write(answer(401))
        await peer.upgrade(request)
        await peer.say(NEWS)
        opcode = PING
        while opcode != CLOSE:
            opcode, payload = await peer.read()
            if opcode in (PING, CLOSE):
                await peer.frame(PONG if opcode == PING else CLOSE, payload)
        return None


class FastClock:
    """A clock whose sleep takes no time, and is counted."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
