from __future__ import annotations

import threading

import pytest
from PIL import ImageFile

from airflow_provider_oppo_image.pictures.decode import StrictDecoding


@pytest.mark.parametrize("lenient", [False, True])
def test_pillow_is_strict_until_the_last_thread_is_through(lenient: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    strict, found = StrictDecoding(2), []
    strict.__enter__()
    found.append(ImageFile.LOAD_TRUNCATED_IMAGES)
    strict.__enter__()
    strict.__exit__()
    found.append(ImageFile.LOAD_TRUNCATED_IMAGES)
    strict.__exit__()
    assert found == [False, False]
    assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient


def test_it_is_lenient_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ValueError, match="broken"), StrictDecoding(1):
        raise ValueError("broken")
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_no_more_threads_are_inside_than_there_are_places() -> None:
    strict, inside, most = StrictDecoding(2), 0, 0
    lock = threading.Lock()
    both_there = threading.Barrier(2, timeout=10)

    def work() -> None:
        nonlocal inside, most
        with strict:
            with lock:
                inside += 1
                most = max(most, inside)
            both_there.wait()
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
