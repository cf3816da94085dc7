"""A pattern does what a compiled one does, from when it is first used."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from notifyws.patterns import pattern


def test_it_finds_what_a_compiled_one_finds():
    word = pattern(r"(\w+)", re.ASCII)
    assert word.search("- ab", 1)[1] == "ab"
    assert word.sub("x", "ab é") == "x é"
    assert [found[0] for found in word.finditer("a b")] == ["a", "b"]
    assert word.pattern == r"(\w+)"


def test_what_is_wrong_with_it_is_said_when_it_is_used():
    wrong = pattern("(")
    with pytest.raises(re.error, match="unterminated"):
        wrong.search("")


def test_it_is_compiled_once():
    word = pattern(r"\w+")
    assert word.search is word.search
    assert not hasattr(word, "nonesuch")


def test_a_copy_finds_the_same():
    assert copy.copy(pattern(r"\d+")).findall("1 a 22") == ["1", "22"]
    assert pickle.loads(pickle.dumps(pattern(r"\d+"))).findall("1 a 22") == ["1", "22"]
