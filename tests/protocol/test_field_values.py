"""How much a frame becomes, and where that ends."""

import pytest

from notifyws.protocol.field_values import MOST, Growth
from notifyws.protocol.frames import InvalidFrame

LARGE = "x" * (MOST // 10)


def counted(frame, *items, **fields):
    growth = Growth(frame)
    for item in items:
        growth.add({**fields, "data": item}, item)


@pytest.mark.parametrize("shared", [LARGE, {LARGE: 1}, [LARGE], {"a": [{"b": LARGE}]}])
def test_what_many_items_share_is_counted_for_each(shared):
    frame = {"shared": shared}
    counted(frame, *range(9), title=shared)
    with pytest.raises(InvalidFrame, match="repeat too much"):
        counted(frame, *range(20), title=shared)


def test_a_large_frame_may_become_as_large_as_it_is_several_times():
    frame = [{"title": LARGE + str(n)} for n in range(30)]
    growth = Growth(frame)
    for item in frame:
        growth.add({"title": item["title"], "data": item}, item)


def test_an_item_in_many_fields_is_counted_for_each():
    item = {"x": LARGE}
    with pytest.raises(InvalidFrame):
        counted(item, item, **{f"field{n}": item for n in range(20)})


def test_numbers_and_nothing_are_small():
    counted({}, *range(20_000), number=1.5, nothing=None, yes=True)
