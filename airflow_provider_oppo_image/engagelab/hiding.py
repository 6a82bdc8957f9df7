"""Secrets, found and hidden in what the service says: whole or in part, and however they are escaped."""

from __future__ import annotations

import html
import json
from typing import Final
from urllib.parse import quote

PIECE: Final = 8
"""The shortest piece of a secret, in characters, that is hidden: ours, too short to be of use to anybody."""

LONG_PIECE: Final = 2 * PIECE
"""A piece that is long enough not to be in a text, such as an id, by chance."""

MASK: Final = "***"


class Secrets:
    """Texts that must not be shown.

    :param secrets: the texts; an empty one is none.
    """

    def __init__(self, *secrets: str) -> None:
        forms = {form for secret in secrets if secret for form in _escaped(secret)}
        self._pieces, self._long_pieces = _pieces(forms, PIECE), _pieces(forms, LONG_PIECE)
        self._lengths = {len(piece) for piece in self._pieces}

    def __repr__(self) -> str:
        return "Secrets(...)"

    def are_in(self, text: str) -> bool:
        """Tell whether a text holds one of the secrets, or a long piece of one.

        :param text: anything.
        """
        return any(piece in text for piece in self._long_pieces)

    def hide_in(self, text: str) -> str:
        """Return a text with `MASK` in place of the secrets and of each piece of one.

        :param text: anything.
        """
        shown: list[str] = []
        hidden_until = 0
        for at, character in enumerate(text):
            ends = [at + length for length in self._lengths if text[at : at + length] in self._pieces]
            hidden_until = max(hidden_until, *ends, 0)
            if at >= hidden_until:
                shown.append(character)
            elif not shown or shown[-1] != MASK:
                shown.append(MASK)
        return "".join(shown)


def _pieces(forms: set[str], length: int) -> set[str]:
    """Return the pieces of texts, so many characters each; one that is shorter is a piece of its own."""
    return {form[at : at + length] for form in forms for at in range(max(len(form) - length, 0) + 1)}


def _escaped(secret: str) -> tuple[str, ...]:
    """Return a text as it is, and as JSON, URLs and HTML write it."""
    return (
        secret,
        secret.replace("/", r"\/"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        html.escape(secret),
    )
