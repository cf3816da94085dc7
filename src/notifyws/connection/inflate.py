"""Whole compressed texts (RFC 7692), inflated without the rest of what a library does.

The library's extension does it, the same object that inflates what is cut into parts:
what is compressed refers to what came before it, so all goes through one, in order.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode

from notifyws.connection.websocket_framer import BadMessage


def inflater(deflate: Extension, max_size: int) -> Callable[[bytes], str]:
    """Return what inflates a text, or raises ``BadMessage``.

    Args:
        deflate: what was agreed on with the server.
        max_size: bytes that a text may come to.
    """

    def inflated(payload: bytes) -> str:
        begin_anew_after_an_end([deflate])
        frame = Frame(Opcode.TEXT, payload, rsv1=True)
        try:
            return bytes(deflate.decode(frame, max_size=max_size).data).decode()
        except UnicodeDecodeError:
            code, reason = CloseCode.INVALID_DATA, "a text frame was not UTF-8"
        except PayloadTooBig as error:
            code, reason = CloseCode.MESSAGE_TOO_BIG, str(error)
        except ProtocolError as error:
            code, reason = CloseCode.PROTOCOL_ERROR, str(error)
        raise BadMessage(code, reason)

    return inflated


def begin_anew_after_an_end(agreed: Iterable[Extension]) -> None:
    """Let what follows a message be inflated whose last block said that it was one.

    A server may say so (7.2.3.4); to the library, all that follows is empty then.
    """
    for each in agreed:
        ours = each if isinstance(each, PerMessageDeflate) else None
        if ours and hasattr(ours, "decoder") and ours.decoder.eof:
            ours.decoder = zlib.decompressobj(wbits=-ours.remote_max_window_bits)
