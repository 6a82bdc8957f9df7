"""Facts from the code that the pages on errors must contain."""

from __future__ import annotations

from typing import Final

from airflow_provider_oppo_image.errors import OppoImageError, failure_from, page_of_type
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, Code, Problem

_WRONG: Final = """\
- State: **wrong**, a person must correct it
- The upload: fails at once, and Airflow does not retry
- [The sensor](../how-to/wait-for-pictures.md): fails at once, or waits with `on_wrong="wait"`"""
_ABSENT: Final = """\
- State: **absent**, it may still come
- The upload: fails, and Airflow's retries try again
- [The sensor](../how-to/wait-for-pictures.md): waits"""
_WARNING: Final = """\
- State: **ready**, with a warning
- The upload: goes on
- [The sensor](../how-to/wait-for-pictures.md): succeeds"""

ROW_FACTS: Final = """\
- Where: the results of [a batch](../how-to/upload-many.md), in `error_code`
- The row: failed. The others go on
- Airflow's retries: none for this row alone; the manifest must be corrected"""
HTTP_FACTS: Final = """\
- Where: the results of [a batch](../how-to/upload-many.md), in `error_code`; the message says the same in words
- Airflow's retries: for 408, 425, 429 and from 500 up; none otherwise"""


def problem_facts(code: Code) -> str:
    """Return what a problem with a picture does to the tasks."""
    return _ABSENT if code in ABSENT_CODES else _WARNING if code in WARNING_CODES else _WRONG


def problem_block(problem: Problem) -> str:
    """Return a problem as `oppo-image check` shows it."""
    return (
        f"{'warning' if problem.code in WARNING_CODES else 'problem'}     {problem.code}\n"
        f"found       {problem.found}\n"
        f"expected    {problem.expected}\n"
        f"what to do  {problem.advice}"
    )


def type_facts(error_class: type[OppoImageError]) -> str:
    """Return what a type of error is to those who catch it, and to Airflow."""
    parents = [cls.__name__ for cls in error_class.__mro__[1:] if cls.__name__.endswith("Error")]
    facts = [f"- Caught as well by: {', '.join(f'`{name}`' for name in parents)}"] if parents else []
    retries = "none" if error_class.default_permanent else "yes"
    facts.append(f"- Airflow's retries: {retries} as a rule; the error's `permanent` decides")
    facts.append(f"- May have acted all the same: {'yes' if error_class.may_have_taken_effect else 'no'}")
    code = failure_from(error_class("")).code
    if code == page_of_type(error_class):
        facts.append(f"- In the results of a batch: `{code}`")
    return "\n".join(facts)
