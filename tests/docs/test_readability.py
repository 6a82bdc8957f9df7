"""The prose of the documentation has short sentences."""

from __future__ import annotations

from statistics import median

import pytest

from tests.docs import readability


@pytest.mark.parametrize("group", readability.GROUPS)
def test_sentences_are_short(group: str) -> None:
    found = [(path.name, sentence) for path, each in readability.pages(group) for sentence in each]
    assert not [one for one in found if readability.words(one[1]) > readability.LONGEST]
    assert median(readability.words(sentence) for _, sentence in found) <= readability.MEDIAN


PAGE = """\
# A heading. Of two sentences

Write `a. b` and [the link](https://example.com/a.b) here. E.g. one more (so
it ends!) and:

- an item
- another `code
  span`. Two sentences

| a table. | is not prose |
```text
Nor. Is. This.
```
"""


def test_readability_finds_sentences() -> None:
    expected = ["Write code and the link here.", "E.g one more (so it ends!", "and:", "an item", "another code."]
    assert list(readability.sentences(PAGE)) == [*expected, "Two sentences"]
