"""Pillow's leniency with truncated data, switched off while pictures are decoded."""

from __future__ import annotations

import os
import threading
from typing import Final

from PIL import ImageFile


class StrictPillow:
    """Has Pillow refuse truncated data while a block runs, whatever else in this process asked it to be lenient.

    Its switch is global: the first of the threads that are in such a block turns it, and the last turns it back.

    :param threads: so many threads are in a block at once, and others wait: of decoders, more than there are processors
        are no faster, and take more memory.
    """

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(threads)
        self._lock = threading.Lock()
        self._inside = 0
        self._lenient = False

    def __enter__(self) -> None:
        self._places.acquire()
        with self._lock:
            if not self._inside:
                self._lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._lenient
        self._places.release()


strictly: Final = StrictPillow(os.cpu_count() or 1)
"""The one of this process: two of them would turn the switch against each other."""
