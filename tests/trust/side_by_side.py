"""What takes time is tried side by side, and early: such calls only wait."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pytest

from tests.trust.fault_matrix import Combination, write_authority

T = TypeVar("T")


@contextlib.contextmanager
def trials(
    run: Callable[[Combination], T],
    takes_time: Callable[[Combination], bool],
    request: pytest.FixtureRequest,
    directory: Path,
) -> Iterator[Callable[[Combination], T]]:
    """Hand out what observed of each combination of a module's tests: of those that take time, it was tried before.

    This machine trusts the test's authority meanwhile, and its clock is the one that jumps.

    :param run: tries a combination.
    :param takes_time: tells whether that takes long, and little of this machine.
    :param request: of a module's fixture; its tests have a parameter `combination`.
    :param directory: for the authority's certificate.
    """
    write_authority(directory / "ca.pem")
    specs = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    wanted = [spec.params["combination"] for spec in specs if spec and "combination" in spec.params]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        patch.object(time, "time", clock.now),
        ThreadPoolExecutor(16) as pool,
    ):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(directory / "ca.pem"))
        early = {str(each): pool.submit(run, each) for each in wanted if takes_time(each)}
        yield lambda each: early[str(each)].result() if str(each) in early else run(each)
