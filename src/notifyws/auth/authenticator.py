"""From settings to a fresh token: which server, whose account, and the cache.

Each part is built when it is first asked for, and a command pays for what it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from msgspec.structs import asdict

from notifyws.auth.known_secrets import given_secrets, known_secrets
from notifyws.clock import Clock, real_clock
from notifyws.config.files import user_folder
from notifyws.config.saved_login import PATIENCE, can_keep_passwords, find_password
from notifyws.config.settings import Settings, TypeStyle, environment_name
from notifyws.config.urls import canonical_origin, checked_url, is_plain_and_far
from notifyws.config.validation import trimmed
from notifyws.errors import ConfigurationError
from notifyws.models import Account, Token, TokenPair
from notifyws.protocol.loader import is_file, read_profile

if TYPE_CHECKING:
    import ssl

    from notifyws.auth.cache.checked import TokenCipher
    from notifyws.auth.cache.memory import FallbackCache
    from notifyws.auth.http_api import HttpApi
    from notifyws.auth.token_manager import StaticTokenProvider, TokenManager
    from notifyws.protocol.profile import Profile
    from notifyws.protocol.recorder import Recorder
    from notifyws.protocol.token_replies import Lifetimes

NEVER = 400 * 86400.0  # seconds for which no token is good where none is needed


class Authenticator:
    """Who we are at one server, and how that is proved.

    Args:
        settings: which server, as whom, and where tokens are kept.
        warn: is told a sentence about what works less well than it should.
        label: our name for the server, where several are told of together.

    Attributes:
        recorder: writes down what goes over sockets, if somebody wants it.
    """

    recorder: Recorder | None = None

    def __init__(
        self, settings: Settings, warn: Callable[[str], None], label: str = ""
    ) -> None:
        self.settings = settings
        self.warn, self.label = warn, label
        self.odd_values: list[str] = []

    @cached_property
    def url(self) -> str:
        """The socket's URL.

        Raises:
            ConfigurationError: there is none, or none that can be used.
        """
        url = self.settings.connect_url
        if not url:
            hint = (
                "notifyws auth login --save, or set WEBSOCKET_SERVER_URL; "
                "to try it: notifyws listen --demo"
            )
            raise ConfigurationError("no server is configured", hint)
        if is_plain_and_far(checked_url(url)):
            self.warn("ws:// sends tokens unencrypted; use wss:// if you can")
        return url

    @cached_property
    def origin(self) -> str:
        """The HTTP side's origin: the server's, whatever the socket's URL is."""
        return canonical_origin(checked_url(self.settings.url or self.url))

    @cached_property
    def base_path(self) -> str:
        """The path of the server's URL below which the profile's HTTP paths lie."""
        url = self.settings.url or self.url
        if not urlsplit(url).path.strip("/"):
            return ""
        from notifyws.protocol.upgrade import base_path

        return base_path(self.profile.socket.path, url, self.variables)

    @cached_property
    def account(self) -> Account:
        """Whose tokens these are."""
        s = self.settings
        name = self.profile.name if is_file(s.profile) else s.profile
        socket = canonical_origin(checked_url(s.connect_url))
        elsewhere = socket if socket != self.origin else ""
        server = f"{self.origin}{self.base_path}"
        return Account(server, name, s.username or s.token, elsewhere, s.apart)

    @cached_property
    def profile(self) -> Profile:
        """How the server speaks.

        Raises:
            ConfigurationError: there is no such profile, or it is wrong.
        """
        return read_profile(self.settings.profile)

    @property
    def styles(self) -> Mapping[str, TypeStyle]:
        """How each type looks: as the settings say, else as the profile does."""
        ours = {n: TypeStyle(**asdict(s)) for n, s in self.profile.types.items()}
        return {**ours, **self.settings.styles}

    @cached_property
    def clock(self) -> Clock:
        """The real clock, sleep and dice."""
        return real_clock()

    @cached_property
    def cache(self) -> FallbackCache:
        """The token cache, behind one that takes over when it fails."""
        from notifyws.auth.cache.build import open_cache
        from notifyws.auth.cache.checked import CheckedCache
        from notifyws.auth.cache.memory import FallbackCache

        try:
            cache = open_cache(self.cache_url)
        except ConfigurationError as error:
            name = "cache_url" if self.settings.cache_url else "redis_url"
            message = f"{environment_name(name)}: {error.message}"
            raise ConfigurationError(message, error.hint) from None
        return FallbackCache(CheckedCache(cache, self._odd, self.cipher), self.warn)

    def _odd(self, sentence: str) -> None:
        self.odd_values.append(sentence)
        self.warn(sentence)

    @cached_property
    def cipher(self) -> TokenCipher | None:
        """What cached tokens are encrypted with, if they are.

        Raises:
            ConfigurationError: the extra is not installed.
        """
        if not self.settings.cache_key or self.cache_url.startswith("memory:"):
            return None
        from notifyws.auth.cache.checked import TokenCipher

        return TokenCipher(self.settings.cache_key)

    @property
    def cache_url(self) -> str:
        """Where tokens are cached; may hold a password."""
        said = self.settings.cache_url or self.settings.redis_url
        return said or f"sqlite://{quote(str(user_folder('cache') / 'tokens.db'))}"

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Whom to trust, and who we are; ``None`` where nothing is encrypted.

        Raises:
            ConfigurationError: a file that the settings name cannot be used.
        """
        if not (self.origin.startswith("https") or self.url.lower().startswith("wss")):
            return None
        from notifyws.config.tls import show_certificate, trust

        return show_certificate(trust(self.settings.ca_file), self.settings)

    @cached_property
    def lifetimes(self) -> Lifetimes:
        """How long tokens live where the server does not say."""
        from notifyws.protocol.token_replies import Lifetimes

        s = self.settings
        return Lifetimes(s.access_ttl, s.refresh_ttl, s.access_margin, s.refresh_margin)

    @cached_property
    def given_secrets(self) -> tuple[str, ...]:
        """What the user gave that nobody else may see."""
        return given_secrets(self.settings, self.variables)

    @cached_property
    def http(self) -> HttpApi:
        """The server's HTTP side."""
        from notifyws.auth.http_api import HttpApi

        return HttpApi(
            f"{self.origin}{self.base_path}",
            self.profile,
            self.lifetimes,
            variables={**self.variables, "authorization": self.basic},
            timeout=self.settings.http_timeout,
            tls=self.tls,
            secrets=partial(known_secrets, self),
        )

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """The profile's constants, and what the user gave for what it leaves open.

        Raises:
            ConfigurationError: something it needs is missing, or unknown to it.
        """
        from notifyws.protocol.profile import given_variables

        return given_variables(self.profile, self.settings.variables)

    @property
    def basic(self) -> str | None:
        """HTTP basic authentication, where it is used without a token."""
        from notifyws.protocol.templates import fill, mentions

        said = self.settings.username, self.settings.password
        if not all(said) or not mentions(self.profile.socket.headers, "authorization"):
            return None
        return str(fill("Basic {said|b64}", {"said": ":".join(said)}))

    @cached_property
    def tokens(self) -> TokenManager | StaticTokenProvider:
        """Whoever gives tokens: one that keeps them, or the ready-made one."""
        from notifyws.auth.token_manager import StaticTokenProvider
        from notifyws.protocol.token_replies import static_token

        if self.settings.token:
            claim = self.profile.tokens.user_claim if self.profile.tokens else "sub"
            given = self.settings.token, self.lifetimes, time.time(), claim
            return StaticTokenProvider(static_token(*given))
        http, token_in = self.profile.http, self.profile.socket.token_in
        if http.login is None and http.device is None and token_in == "none":
            return StaticTokenProvider(TokenPair(Token("", NEVER, 0.0)))
        return self.token_manager

    @property
    def keeps_tokens(self) -> bool:
        """Whether there are tokens to be cached: no ready-made one, and not none."""
        return self.tokens is self.token_manager

    @cached_property
    def token_manager(self) -> TokenManager:
        """Whoever keeps this account's tokens."""
        from notifyws.auth.token_manager import TokenManager

        parts = self.account, self.cache, self.http, self.clock
        return TokenManager(*parts, username=self.settings.username, **self._password())

    def _password(self) -> dict[str, Any]:
        """Return what a login can be made with, where a password is of any use."""
        approve = "somebody has to approve it in a browser"
        if self._only_by_device:
            return {"no_way_in": approve}
        how = {"password": self.settings.password, "find_password": self.kept_password}
        if self.profile.http.device is None:
            return how
        return {**how, "no_way_in": f"no password is set, or {approve}"}

    @property
    def _only_by_device(self) -> bool:
        http = self.profile.http
        return http.device is not None and http.login is None

    @property
    def by_device(self) -> bool:
        """Whether a login needs somebody who approves it in a browser."""
        has_device = self.profile.http.device is not None
        return self._only_by_device or (has_device and not self.settings.password)

    @property
    def may_log_in(self) -> bool:
        """Whether there is a password, or a keyring that may hold one (unasked)."""
        if self._only_by_device:
            return False
        kept = self._looks_in_keyring and can_keep_passwords()
        return bool(self.settings.password) or kept

    @property
    def _looks_in_keyring(self) -> bool:
        return self.settings.keyring and bool(self.settings.username)

    async def kept_password(self, patience: float = PATIENCE) -> str:
        """Return what the keyring holds for this account, after so many seconds."""
        if not self._looks_in_keyring:
            return ""
        found = await find_password(self.origin, self.settings.username, patience)
        if found is None:
            self.warn("the keyring does not answer; is it locked?")
        return trimmed(found or "", "password", "the keyring", spaces=True)

    async def aclose(self) -> None:
        """Let go of what was opened."""
        if "cache" in self.__dict__:
            await self.cache.aclose()
