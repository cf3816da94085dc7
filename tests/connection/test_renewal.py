"""What a live connection owes its server: answers, as many as it takes."""

import pytest

from notifyws.connection.connection import Connection
from notifyws.connection.ports import Keepalive
from notifyws.connection.renewal import MOST_REPLIES, Responder
from notifyws.errors import ConnectionLost
from notifyws.protocol.arrivals import ServerPing
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.scripted import ScriptedServer, accepts
from tests.support.virtual import VirtualClock, in_virtual_time


@in_virtual_time
async def test_a_server_that_pings_and_takes_no_answers_is_left():
    """Seen: each answer waited, 60,000 for a frame, and five MiB more every second."""
    server, clock = ScriptedServer(accepts()), VirtualClock().clock
    opening = UpgradeRequest("wss://ws.example.com")
    connection = await Connection.open(server.dial, opening, Keepalive(), clock)
    responder = Responder(connection, None)
    for _ in range(MOST_REPLIES):
        responder.hear(ServerPing({"type": "pong"}))
    assert not server.channels[0].aborted
    responder.hear(ServerPing({"type": "pong"}))
    with pytest.raises(ConnectionLost, match="1,000 answers wait to be sent"):
        await connection.run(lambda frames: None)
