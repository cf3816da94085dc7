"""One fresh token for everybody who shares an account, and the HTTP side that gives it.

It owns tokens: which are cached, when one counts as expired, who may refresh, how a
server is asked for one over HTTP, and what of that may be shown. It must not know
sockets' frames, notifications, commands or how things look.

authenticator: settings -> account, cache, HTTP side and tokens, each built once
cache: the port of a token cache; its ``keys`` are the table of what is cached
cached_tokens: an access token, and what is cached; when a cached one has expired
device_login: a login that somebody approves in a browser
http_api: login, refresh, logout, verify, send and catch-up, as the profile's steps
http_client: one HTTP client for one origin, and an exchange as it may be shown
http_steps: how such steps are carried out
http_refusals: the sentence by which an answer says why, and what helps
known_secrets: what nobody may see of a server's words: one list for all who show them
network_errors: why a host is not reached, in the same words everywhere
proxies: the way to a host, straight or through the environment's proxy
token_manager: cached, else refreshed once, else logged in; or a static token
"""

__all__ = [
    "authenticator",
    "cache",
    "cached_tokens",
    "device_login",
    "http_client",
    "http_refusals",
    "known_secrets",
    "network_errors",
    "proxies",
    "token_manager",
]
