from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

import pytest
from PIL import ImageFile

from airflow_provider_oppo_image.artwork.containers import stderr_to_log
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.pictures.check_many import check_all_async
from airflow_provider_oppo_image.pictures.decode import strict_decoding
from airflow_provider_oppo_image.pictures.polling import parse_pictures
from tests.support import artwork

EXPECTED = parse_pictures("https://cdn.example.com/big.png")


def check_concurrently() -> str:
    def check(kind: object, url: object) -> object:
        return check_bytes("big", artwork.good("big"), "big.png")

    return str(asyncio.run(check_all_async(EXPECTED, check)))  # type: ignore[arg-type]


def is_true_in_forked_process(condition: Callable[[], bool]) -> bool:
    if not (child := os.fork()):
        signal.alarm(20)
        with contextlib.suppress(BaseException):
            os._exit(0 if condition() else 1)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of threads
def test_forked_process_checks_while_parent_decodes() -> None:
    assert check_concurrently() == "1 ready"  # starts the threads that are missing after the fork
    with contextlib.ExitStack() as decoders:
        for _ in range(os.cpu_count() or 1):
            decoders.enter_context(strict_decoding)
        assert is_true_in_forked_process(
            lambda: check_concurrently() == "1 ready" and not ImageFile.LOAD_TRUNCATED_IMAGES
        )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_process_has_its_stderr_while_parent_redirects_it() -> None:
    before = os.fstat(2)

    def redirects() -> bool:
        is_restored = os.path.samestat(os.fstat(2), before)
        with stderr_to_log():
            return is_restored and not os.path.samestat(os.fstat(2), before)

    with stderr_to_log():
        assert is_true_in_forked_process(redirects)
