"""Speaks the Model Context Protocol over stdin and stdout, with the official SDK.

stdout belongs to the protocol: whatever else a library prints goes to stderr. A client
that closes stdin, or no longer reads, ends the command as nothing that went wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server, ServerRequestContext
from mcp.shared.message import SessionMessage
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
    jsonrpc_message_adapter,
)
from mcp_types import Tool as OfferedTool

from notifyws import __version__
from notifyws.cli.input import stdin_chunk
from notifyws.cli.mcp_listener import ListenerMemory, Request
from notifyws.cli.mcp_tools import Tool, Tools
from notifyws.cli.process import Cancellation
from notifyws.config.settings import Settings
from notifyws.service import NotificationService
from notifyws.tasks import background, cancel
from notifyws.ui.library_log import LibraryLog
from notifyws.ui.output import Output
from notifyws.ui.sanitize import NOTE, as_json
from notifyws.ui.streams import warner

INSTRUCTIONS = (
    "A listener of one notification server. recent_notifications says what came, "
    "wait_for_notification waits for what is to come, status says whether anything can "
    f"come at all. {NOTE}"
)
LONGEST = 1 << 20
"""Characters of a client's message; a longer one is no message."""
LAST_WORDS = 0.5
"""Seconds for answers that are on their way when a client leaves."""

Incoming = SessionMessage | Exception


async def serve(request: Request, settings: Settings) -> None:
    """Listen, and offer what is known to the client on stdin, until it leaves.

    Raises:
        ConfigurationError: a setting is missing or wrong.
        OutputFailed: stdout cannot be written.
    """
    output = Output(_own_stdout())
    level = logging.ERROR if request.quiet else logging.WARNING
    logging.getLogger("mcp").addHandler(LibraryLog(level))
    logging.getLogger("mcp").propagate = False
    service = NotificationService(
        settings,
        since=request.since,
        warn=warner(request.quiet),
        selection=request.selection,
    )
    memory, leave = ListenerMemory(service, request), Cancellation()
    unwatch = output.watch_reader(leave)
    try:
        async with service, leave:
            service.start(retries=settings.max_retries)
            remembering = background("the memory", memory.run(), leave.died)
            try:
                await _speak(build_server(Tools(memory, request)), output, leave)
            finally:
                remembering.cancel()
    finally:
        unwatch()
        output.close()


def _own_stdout() -> int:
    """Return stdout under another number; what is printed goes to stderr from now."""
    own = os.dup(1)
    os.dup2(2, 1)
    return own


def build_server(tools: Tools) -> Server[dict[str, Any]]:
    """Return the SDK's server with these tools."""

    async def list_tools(
        context: ServerRequestContext[dict[str, Any]],
        params: PaginatedRequestParams | None,
    ) -> ListToolsResult:
        return ListToolsResult(tools=[_offered(each) for each in tools.offered])

    async def call_tool(
        context: ServerRequestContext[dict[str, Any]], params: CallToolRequestParams
    ) -> CallToolResult:
        answer, failed = await tools.call(params.name, params.arguments or {})
        text = TextContent(type="text", text=as_json(answer))
        return CallToolResult(
            content=[text], structured_content=answer, is_error=failed
        )

    server: Server[dict[str, Any]] = Server(
        "notifyws",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.middleware.clear()  # it would trace to whoever the environment names
    return server


def _offered(tool: Tool) -> OfferedTool:
    hints = ToolAnnotations(
        read_only_hint=tool.reads_only, destructive_hint=False, open_world_hint=True
    )
    return OfferedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema,
        annotations=hints,
    )


async def _speak(
    server: Server[dict[str, Any]], output: Output, leave: Cancellation
) -> None:
    """Carry messages between the client and the SDK until stdin is closed."""
    to_us, incoming = anyio.create_memory_object_stream[Incoming]()
    outgoing, to_client = anyio.create_memory_object_stream[SessionMessage]()
    ending = asyncio.Event()

    def died(said: str, error: Exception) -> None:
        if not ending.is_set():  # the SDK may stumble over being cancelled
            leave.died(said, error)

    served = server.run(incoming, outgoing, server.create_initialization_options())
    serving = background("the protocol", served, died)
    reading = background("reading stdin", _read(to_us), died)
    writing = background("writing stdout", _write(to_client, output), died)
    try:
        await asyncio.wait({serving})
        await asyncio.wait({writing}, timeout=LAST_WORDS)
    finally:
        ending.set()
        await cancel(reading, serving, writing)
        for stream in (to_us, incoming, outgoing, to_client):
            stream.close()


async def _read(to_us: MemoryObjectSendStream[Incoming]) -> None:
    """Read a message a line, for as long as the client keeps stdin open."""
    with to_us, suppress(anyio.BrokenResourceError):
        rest = b""
        while chunk := await stdin_chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(bytes.strip, lines):
                await to_us.send(_message(line))
            rest = rest[: LONGEST + 1]


def _message(line: bytes) -> Incoming:
    if len(line) > LONGEST:
        return ValueError(f"a message is longer than {LONGEST} bytes")
    try:
        return SessionMessage(
            jsonrpc_message_adapter.validate_json(line, by_name=False)
        )
    except ValueError as error:
        return error


async def _write(
    to_client: MemoryObjectReceiveStream[SessionMessage], output: Output
) -> None:
    """Write a message a line; whoever does not read holds up nothing but answers."""
    with to_client:
        async for each in to_client:
            line = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            await output.write(f"{line}\n".encode())
