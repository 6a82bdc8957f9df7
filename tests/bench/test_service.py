"""The stub of the service that the benchmarks use."""

from __future__ import annotations

import time

import pytest

from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.errors import RateLimitedError
from tests.support.service_stub import Ledger, Service, in_last_second


def test_in_last_second_counts_any_second() -> None:
    times = (0.0, 0.6, 0.9, 1.5, 1.55, 2.6)
    assert [in_last_second(times, now) for now in times] == [1, 2, 3, 3, 4, 1]


def test_refused_requests_do_not_count() -> None:
    ledger = Ledger(limit=2)
    answers = [ledger.take(b"POST / HTTP/1.1", b"{}", now) for now in (1.0, 1.1, 1.2, 1.9, 2.05, 2.06, 2.15)]
    assert [b"23008" in answer for answer in answers] == [False, False, True, True, False, True, False]
    assert (ledger.counts().refused, ledger.counts().busiest) == (3, 5)


def test_service_answers_and_counts() -> None:
    with Service(latency=0.05) as service, client(service) as asks:
        began = time.monotonic()
        ids = [asks.upload(kind, f"https://cdn.example.com/{kind}.png") for kind in ("big", "small", "small")]
        assert time.monotonic() - began >= 0.15
        counts = service.counts()
    assert len(set(ids)) == 2
    assert (counts.arrivals, counts.unique, counts.refused, counts.busiest) == (3, 2, 0, 3)


def test_service_refuses_above_limit() -> None:
    with Service(latency=0, limit=1) as service, client(service) as asks:
        asks.upload("big", "https://cdn.example.com/1.png")
        with pytest.raises(RateLimitedError) as caught:
            asks.upload("big", "https://cdn.example.com/2.png")
        assert service.counts().refused == 1
    assert caught.value.code == 23008


def client(service: Service) -> EngageLabClient:
    return EngageLabClient(HttpTransport(service.url, "key", "secret", user_agent="Tests"), retry_budget=0)
