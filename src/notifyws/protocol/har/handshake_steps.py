"""Steps of a handshake: several that are alike as one, and answers that echo."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from notifyws.protocol.har.frame_kinds import IDS
from notifyws.protocol.har.variables import Variables
from notifyws.protocol.templates import variables_of


class HandshakeStep(Struct):
    """One step: the frame that is sent, and the one that ends it."""

    send: Any = None
    expect: str = ""
    each: str = ""
    capture: dict[str, str] = field(default_factory=dict)


def merged(steps: list[HandshakeStep], variables: Variables) -> list[HandshakeStep]:
    """Return the steps, one for several that differ in a constant alone."""
    merged: dict[str, tuple[HandshakeStep, str]] = {}
    for number, step in enumerate(steps):
        names = [n for n in variables_of(step.send) if n in variables.constants]
        shape = str(step.send).replace(f"{{{names[0]}}}", "{}") if names else number
        first, name = merged.setdefault(str(shape), (step, "".join(names[:1])))
        if first is step or len(names) != 1 or "," in variables.constants[names[0]]:
            if first is not step:
                merged[f"{shape} {number}"] = (step, "")
            continue
        first.each = name
        first.expect = first.expect or step.expect
        variables.constants[name] += f",{variables.constants.pop(names[0])}"
    return [step for step, _ in merged.values()]


def echoed(answer: Any, ping: Any, variables: Variables) -> Any:
    """Return what answers a ping; a number that it repeats is a counter's."""
    made = variables.template(answer)
    return {
        key: "{seq}" if _repeats(key, answer, ping) else value
        for key, value in made.items()
    }


def _repeats(key: str, answer: dict[str, Any], ping: dict[str, Any]) -> bool:
    return key in IDS and answer.get(key) == ping.get(key)
