"""The examples."""

from __future__ import annotations

from itertools import islice

from notifyws.devserver import SAMPLES, endless_samples


def test_every_example_is_complete():
    assert set(SAMPLES) == {"trip_update", "payment_approved", "message_received"}
    for payload in SAMPLES.values():
        assert set(payload) == {"title", "message", "link", "data"}
        assert all(payload.values())


def test_the_endless_ones_take_turns_and_begin_with_the_examples():
    first = list(islice(endless_samples(), 6))
    assert [one["type"] for one in first] == [*SAMPLES, *SAMPLES]
    for one in first[:3]:
        assert {k: v for k, v in one.items() if k != "type"} == SAMPLES[one["type"]]


def test_the_endless_ones_vary():
    titles = {one["title"] for one in islice(endless_samples(), 30)}
    assert len(titles) == 5
