"""Outcomes of the shapes of manifests and arguments: see `input_shapes`."""

from __future__ import annotations

from tests.batch.input_shapes import PAGE, outcomes, page


def test_each_shape_ends_as_the_page_says() -> None:
    assert PAGE.read_text() == page(), "read the difference; if it is right, run python -m tests.batch.input_shapes"


def test_page_has_sixty_shapes() -> None:
    assert sum(map(len, outcomes().values())) >= 60
