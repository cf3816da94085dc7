"""Which servers ``listen`` listens to, and when those of several have ended.

One that ends leaves the others alone, and is said. All together end when the last one
has, or with the first where that is asked for; then the first that failed says why. As
soon as what came is enough, all of them end, and nothing has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from notifyws.cli.hints import at_server
from notifyws.cli.options import Common, exclude
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NetworkFailed,
    NotifyError,
    UsageError,
)
from notifyws.ui.streams import warner

if TYPE_CHECKING:
    from notifyws.config.settings import Settings
    from notifyws.service import NotificationService

ENDINGS = (AuthenticationFailed, ConfigurationError, NetworkFailed)
"""What ends one server and is no fault of the command."""


class ServerChoice(Struct, frozen=True):
    """Which server, or which of them.

    Args:
        first: whether to end with the first that ends.
        alone: options that go with one server, each with what was given for it.
        listener: what the listener is called; ``None`` for no name.
    """

    named: Sequence[str]
    every: bool
    first: bool
    alone: Mapping[str, object]
    listener: str | None = None

    @property
    def are_several(self) -> bool:
        """Whether what arrives is told apart by its server."""
        return self.every or len({*self.named}) > 1

    def load(self, common: Common, flags: Mapping[str, Any]) -> dict[str, Settings]:
        """Return the settings of each, by what it is told apart by.

        Returns:
            Under ``""`` where it is one alone.

        Raises:
            UsageError: something makes no sense.
            ConfigurationError: a file or a value is wrong.
        """
        names = [*dict.fromkeys(self.named)]
        exclude(("--all", self.every), ("--server", names or None))
        if not self.are_several:
            if self.first:
                hint = "add --server NAME once more, or --all"
                raise UsageError("--any goes with several servers", hint)
            name = names[0] if names else None
            settings = replace(common, server=name).load(**flags).settings
            if self.listener not in (None, settings.server):
                self._doubt(common)
            return {"": settings}
        alone = {**self.alone, "--url": common.url, "--profile": common.profile}
        for option, value in alone.items():
            if value not in (None, False):
                several = "--all" if self.every else "several"
                message = f"{option} goes with one server, not with {several}"
                raise UsageError(message, "name one: --server NAME")
        which = None if self.every else names
        from notifyws.config.sources import load_servers

        return load_servers(which, flags, env_file=common.env_file)

    def _doubt(self, common: Common) -> None:
        """Say that the listener has the name of a server that it does not listen to."""
        from notifyws.config.sources import entry_names

        if self.listener in entry_names(common.env_file):
            said = f"--name {self.listener} is what this listener is called; to listen "
            warner(common.quiet)(f"{said}to that server: --server {self.listener}")


@contextmanager
def speaking_of(server: str) -> Iterator[None]:
    """Have an error say which of several servers it is about."""
    try:
        yield
    except NotifyError as error:
        if server:
            error.message = f"{server}: {error.message}"
            error.args = (error.message,)
            error.hint = at_server(error.hint, server)
        raise


def services_of(
    servers: Mapping[str, Settings], warn: Callable[[str], None], **how: Any
) -> Iterator[tuple[str, NotificationService]]:
    """Yield the service of each server; of those that are one account, the first.

    Args:
        servers: by the names that they are told apart by.
        how: as for :class:`NotificationService`.

    Raises:
        ConfigurationError: something is missing or wrong.
    """
    from notifyws.service import NotificationService  # a TAB needs none

    names: dict[str, str] = {}
    for label, settings in servers.items():
        say = partial(_say_of, label, warn)
        with speaking_of(label):
            service = NotificationService(settings, warn=say, label=label, **how)
            account = service.listener.auth.account.id if label else ""
        if (same := names.setdefault(account, label)) != label:
            warn(f"{label} is left out: it is the same account as {same}")
        else:
            yield label, service


def _say_of(label: str, warn: Callable[[str], None], text: str) -> None:
    warn(f"{label}: {text}" if label else text)


async def until_ended(
    listening: Mapping[str, Coroutine[Any, Any, bool]],
    *,
    first: bool,
    tell: Callable[[str], None],
) -> None:
    """Return when all have ended, or as soon as one returns that it was enough.

    Args:
        listening: what listens, by the name of its server.
        tell: is told which one has ended while others go on.

    Raises:
        NotifyError: why the first of those ended that failed.
    """
    import asyncio  # a TAB reads this module's options without it

    from notifyws.tasks import cancel

    tasks = {asyncio.ensure_future(each): name for name, each in listening.items()}
    failed: list[NotifyError] = []
    try:
        while tasks:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = tasks.pop(task)
                try:
                    with speaking_of(name):
                        if task.result():
                            return
                except ENDINGS as error:
                    failed.append(error)
                    if not first and (tasks or len(failed) > 1):
                        tell(error.message + "; the others go on" * bool(tasks))
            if first:
                break
    finally:
        await cancel(*tasks)
    if failed:
        raise failed[0]
