"""One frame that would become gigabytes: by a stranger's profile, or by one of ours.

Seen: profile ``directus`` takes a row's type from what stands around all rows. A frame
of 0.9 MB with 20,000 rows became 14 GB of lines; after six seconds the listener held
2.5 GB, and a signal had to force its end.
"""

from __future__ import annotations

import json

import pytest

from notifyws.delivery.build import build_rules
from notifyws.protocol.arrivals import Many, NotUnderstood
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse

LARGE = "y" * 700_000
ROWS = [{"a": number} for number in range(20_000)]
RULE = 'name = "odd"\n[[rules]]\nthen = "notification"\n'
EACH = RULE + 'items = "rows"\n[rules.fields]\n'
MANY = "".join(f'f{number} = "@"\n' for number in range(2000))
PROFILES = {
    "by an expression": EACH + 'title = "parent.large"',
    "as a whole": EACH + 'data = "parent"',
    "by a text": EACH + '[rules.text]\ntitle = "{parent.large}"',
    "by one text": f'{RULE}[rules.text]\ntitle = "{"{large}" * 250}"',
    "by many fields": f"{RULE}[rules.fields]\n{MANY}",
}


def read(text: str, frame: object):
    return build_rules(parse(text, "odd")).read(json.dumps(frame), "now")


@pytest.mark.parametrize("text", PROFILES.values(), ids=PROFILES)
def test_a_frame_whose_parts_are_repeated_too_often_is_not_understood(text):
    seen = read(text, {"rows": ROWS, "large": LARGE})
    assert isinstance(seen, NotUnderstood)
    assert "repeat too much of it" in seen.reason


@pytest.mark.parametrize("text", PROFILES.values(), ids=PROFILES)
def test_the_same_with_little_to_repeat_is(text):
    seen = read(text, {"rows": ROWS[:100], "large": "y" * 100})
    assert not isinstance(seen, NotUnderstood)


def test_so_it_is_where_a_profile_of_ours_takes_the_type_from_around_all_rows():
    around = {"type": "subscription", "event": "create"}
    text, _ = profile_text("directus")
    few = {**around, "data": ROWS[:100], "uid": {"collection": "news"}}
    assert isinstance(read(text, few), Many)
    seen = read(text, {**around, "data": ROWS, "uid": {"collection": LARGE}})
    assert isinstance(seen, NotUnderstood)
