from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support.picture_host import PictureHost


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with PictureHost() as host:
        yield host


@pytest.fixture
def check() -> Callable[..., PictureReport]:
    """`check_picture` of a host on loopback, with timeouts that no healthy test comes near."""
    return functools.partial(
        check_picture, allow_private_addresses=True, transport_options=TransportOptions(10, 10, 20)
    )


@pytest.fixture
def impatient() -> Callable[..., PictureReport]:
    """`check_picture` of a host on loopback that is expected to be late."""
    return functools.partial(
        check_picture, allow_private_addresses=True, transport_options=TransportOptions(0.2, 0.2, 0.4)
    )
