from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest
from PIL import ImageFile

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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of threads
def test_forked_process_checks_while_parent_decodes() -> None:
    assert check_concurrently() == "1 ready"  # starts the threads that are missing after the fork
    with contextlib.ExitStack() as decoders:
        for _ in range(os.cpu_count() or 1):
            decoders.enter_context(strict_decoding)
        if not (child := os.fork()):
            signal.alarm(20)
            with contextlib.suppress(BaseException):
                if check_concurrently() == "1 ready" and not ImageFile.LOAD_TRUNCATED_IMAGES:
                    os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
