"""HARs made by hand, as browsers and proxies write them."""

import base64
import json
from datetime import UTC, datetime

from notifyws.protocol.har.profile_draft import har_draft
from notifyws.protocol.har.recording import read_recording

TOKEN = "tok-7Hd93kLmQ0x1Yz88ab"
REFRESH = "ref-Q9wE82hjK3mN55vv01"
PASSWORD = "correct-horse-9"
USER = "ann@example.com"
SECRETS = (TOKEN, REFRESH, PASSWORD)
START = 1_790_000_000.0
HOST = "app.example.com"


def named(table):
    return [{"name": name, "value": value} for name, value in table.items()]


def entry(
    method,
    path,
    at,
    *,
    host=HOST,
    scheme="https",
    body=None,
    form=None,
    headers=None,
    cookies=None,
    answer=None,
    status=200,
    sets=None,
    answer_headers=None,
    packed=False,
):
    """One request and its answer; ``at`` is seconds after the start."""
    request = {
        "method": method,
        "url": f"{scheme}://{host}{path}",
        "headers": named({"Host": host, "User-Agent": "x", **(headers or {})}),
        "cookies": named(cookies or {}),
    }
    if body is not None:
        kind = {"mimeType": "application/json"}
        request["postData"] = {**kind, "text": json.dumps(body)}
    if form is not None:
        kind = {"mimeType": "application/x-www-form-urlencoded"}
        request["postData"] = {**kind, "params": named(form)}
    content = {"mimeType": "application/json", "text": json.dumps(answer)}
    if packed:
        text = base64.b64encode(content["text"].encode()).decode()
        content |= {"text": text, "encoding": "base64"}
    return {
        "startedDateTime": datetime.fromtimestamp(START + at, UTC).isoformat(),
        "request": request,
        "response": {
            "status": status,
            "headers": named(answer_headers or {}),
            "cookies": named(sets or {}),
            "content": content if answer is not None else {},
        },
    }


def socket(path, at, *frames, subprotocols="", **more):
    """One socket; a frame is ``(sent, seconds, value)``, text where it is a text."""
    offered = {"Sec-WebSocket-Protocol": subprotocols} if subprotocols else {}
    headers = {"Upgrade": "websocket", **offered, **more.pop("headers", {})}
    made = entry("GET", path, at, scheme="wss", headers=headers, status=101, **more)
    messages = [
        {
            "type": "send" if sent else "receive",
            "time": START + at + seconds,
            "opcode": 1,
            "data": value if isinstance(value, str) else json.dumps(value),
        }
        for sent, seconds, value in frames
    ]
    return {**made, "_resourceType": "websocket", "_webSocketMessages": messages}


def har(*entries):
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})


ALERT = {"type": "alert", "title": "Door", "message": "open", "id": "a1"}
IN, OUT = False, True
SOCKET = socket(f"/ws?token={TOKEN}", 2, (IN, 1, ALERT))
"""One whose query holds the token; a single notification comes."""


def drafted(text, **answers):
    """What is made of a HAR; never with a secret in it."""
    made = har_draft(read_recording(text, "x.har"), "acme", answers)
    assert [each for each in SECRETS if each in made.text] == []
    return made


def login(**more):
    body = {"email": USER, "password": PASSWORD}
    answer = {"data": {"token": TOKEN, "refresh_token": REFRESH, "expires_in": 900_000}}
    return entry("POST", "/api/login", 1, **{"body": body, "answer": answer, **more})


def refresh():
    answer = {"data": {"token": "tok-2Hd93kLmQ0x1Yz88cd", "refresh_token": REFRESH}}
    body = {"refresh_token": REFRESH}
    return entry("POST", "/api/refresh", 30, body=body, answer=answer)


def logout():
    return entry(
        "POST",
        "/api/logout",
        60,
        headers={"Authorization": f"Bearer {TOKEN}"},
        status=204,
    )


SHAPES = {
    "bearer header": har(
        login(packed=True),
        socket(
            "/live",
            2,
            (IN, 1, ALERT),
            (IN, 2, {**ALERT, "id": "a2"}),
            headers={"Authorization": f"Bearer {TOKEN}"},
        ),
        refresh(),
        logout(),
    ),
    "token in query": har(
        login(), socket(f"/ws?access_token={TOKEN}&v=2&since=a0", 2, (IN, 1, ALERT))
    ),
    "cookie session": har(
        entry("GET", "/login", 0, sets={"csrftoken": "csrf-Zk29dmW0aa81Lq"}),
        entry(
            "POST",
            "/login",
            1,
            form={
                "username": USER,
                "password": PASSWORD,
                "csrfmiddlewaretoken": "csrf-Zk29dmW0aa81Lq",
            },
            cookies={"csrftoken": "csrf-Zk29dmW0aa81Lq"},
            status=302,
            sets={"sessionid": TOKEN},
        ),
        socket("/ws/", 2, (IN, 1, ALERT), cookies={"sessionid": TOKEN, "lang": "en"}),
    ),
    "subprotocol": har(
        login(),
        socket("/ws", 2, (IN, 1, ALERT), subprotocols=f"v1.acme, bearer, {TOKEN}"),
    ),
    "first message": har(
        login(),
        socket(
            "/ws",
            2,
            (IN, 0.1, {"op": "hello", "session": "s-4711"}),
            (OUT, 0.2, {"op": "auth", "token": TOKEN, "session": "s-4711"}),
            (IN, 0.3, {"op": "ready"}),
            (OUT, 0.4, {"op": "subscribe", "channel": "news"}),
            (IN, 0.5, {"op": "subscribed", "channel": "news"}),
            (IN, 5, {"op": "ping", "n": 1}),
            (OUT, 5.1, {"op": "pong"}),
            (IN, 6, {"op": "alert", "payload": {"title": "Door", "text": "open"}}),
            (OUT, 9, {"op": "auth", "token": "tok-2Hd93kLmQ0x1Yz88cd"}),
        ),
    ),
    "graphql-ws": har(
        login(),
        socket(
            "/graphql",
            2,
            (OUT, 0.1, {"type": "connection_init", "payload": {"token": TOKEN}}),
            (IN, 0.2, {"type": "connection_ack"}),
            (
                OUT,
                0.3,
                {
                    "id": "4f5c0c52-5b7e-4b7e-9a51-0d6c3c1f5e11",
                    "type": "subscribe",
                    "payload": {"query": "subscription { alert { title body } }"},
                },
            ),
            (
                IN,
                1,
                {
                    "id": "4f5c0c52-5b7e-4b7e-9a51-0d6c3c1f5e11",
                    "type": "next",
                    "payload": {"data": {"alert": {"title": "t", "body": "b"}}},
                },
            ),
            (OUT, 12, {"type": "ping"}),
            (IN, 12.1, {"type": "pong"}),
            (OUT, 24, {"type": "ping"}),
            (IN, 24.1, {"type": "pong"}),
            subprotocols="graphql-transport-ws",
        ),
    ),
    "several steps": har(
        entry(
            "POST",
            "/auth/flow",
            0,
            body={"client_id": "https://app.example.com/", "handler": ["x", None]},
            answer={"flow_id": "f10w-8dK2ms91Qz77"},
        ),
        entry(
            "POST",
            "/auth/flow/f10w-8dK2ms91Qz77",
            1,
            body={"username": USER, "password": PASSWORD, "otp": "123456"},
            answer={"result": "c0de-7Jd82kK1mm20"},
        ),
        entry(
            "POST",
            "/auth/token",
            1.5,
            form={"grant_type": "authorization_code", "code": "c0de-7Jd82kK1mm20"},
            answer={"access_token": TOKEN, "refresh_token": REFRESH, "expires_in": 60},
        ),
        socket(
            "/api/websocket",
            2,
            (IN, 0.1, {"type": "auth_required", "version": "1"}),
            (OUT, 0.2, {"type": "auth", "access_token": TOKEN}),
            (IN, 0.3, {"type": "auth_ok"}),
            (OUT, 0.4, {"type": "subscribe_events", "id": 1}),
            (IN, 0.5, {"type": "result", "id": 1, "success": True}),
            (OUT, 0.6, {"type": "get_states", "id": 2}),
            (IN, 0.7, {"type": "result", "id": 2, "success": True, "result": []}),
            (IN, 3, {"type": "event", "event": {"title": "t", "message": "m"}}),
        ),
    ),
    "ticket": har(
        login(),
        entry(
            "POST",
            "/ticket",
            1.5,
            headers={"Authorization": f"Bearer {TOKEN}"},
            answer={"ticket": "tick-8sK1mz0Qw2Xx44"},
        ),
        socket("/ws?ticket=tick-8sK1mz0Qw2Xx44", 2, (IN, 1, ALERT)),
    ),
}
"""What a page of each kind of server does."""
