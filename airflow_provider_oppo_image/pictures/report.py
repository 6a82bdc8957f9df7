"""What a check found: one report, made in one place, shown everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.codes import Code

State: TypeAlias = Literal["ready", "absent", "wrong"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    :param code: a stable name, such as ``wrong_dimensions``: `pictures.codes` lists them all.
    :param found: what was seen, in words.
    :param expected: what is asked for, in words.
    :param advice: what to do now.
    """

    code: Code
    found: str
    expected: str
    advice: str

    def __str__(self) -> str:
        return f"{self.found}; asked for: {self.expected}. {self.advice}"


@dataclass(frozen=True)
class PictureReport:
    """What was found at a picture's URL.

    :param kind: "big" or "small".
    :param url: where the picture was looked for, fit to be shown: without its query.
    :param state: "ready"; "absent", it may yet come; "wrong", what is there will not be shown.
    :param problems: why the picture is not ready, the first to mend first; empty when it is ready.
    :param warnings: what the service may accept and a careful person would mend.
    :param format: what the content is, such as "PNG"; None where it was not found out.
    :param width: pixels; None where it was not found out.
    :param height: pixels; None where it was not found out.
    :param size_bytes: the file's size in bytes; None where it was not found out.
    :param sha256: of the whole file, 64 hex characters; None unless the whole file was read.
    :param retry_after: seconds until the host wants to be asked again, where it said so.
    """

    kind: PictureKind
    url: str
    state: State
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    format: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    retry_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable data; `from_dict` reads it back."""
        return dataclasses.asdict(self) | {
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "warnings": [dataclasses.asdict(warning) for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PictureReport:
        """Read a report back from what `to_dict` made.

        :param data: the mapping; keys that this version does not know are passed over.
        """
        known = {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}
        for key in ("problems", "warnings"):
            known[key] = tuple(Problem(**problem) for problem in known.get(key, ()))
        return cls(**known)

    def __str__(self) -> str:
        """Say in a line what was found."""
        facts = [f"{self.width} x {self.height} px" if self.width else "", self.format or ""]
        facts.append(f"{self.size_bytes:,} bytes" if self.size_bytes is not None else "")
        seen = ", ".join(fact for fact in facts if fact)
        line = f"{self.kind} picture {self.url} is {self.state}" + (f" ({seen})" if seen else "")
        return line + "".join(f"\n  {problem.code}: {problem}" for problem in (*self.problems, *self.warnings))
