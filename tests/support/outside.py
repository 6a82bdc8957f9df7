"""A picture host that the guard takes for a public one, so that what comes after it is seen on loopback."""

from __future__ import annotations

import ssl

import pytest

from airflow_provider_oppo_image.net.address_policy import forbidden_reason
from airflow_provider_oppo_image.pictures import download
from tests.support.names import lead_names
from tests.support.picture_host import PictureHost

ADDRESS = "127.0.0.9"
NAME = "outside.example"


class Outside(PictureHost):
    """The host, at `ADDRESS`; its URLs have its name, since the address itself would be refused."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(ADDRESS, tls)

    @property
    def base_url(self) -> str:
        return super().base_url.replace(ADDRESS, NAME)

    def let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the guard take the host for a public one, and forget what it served and was asked for."""

        def judge(address: str, *, allow_private: bool = False) -> str | None:
            return None if address == ADDRESS else forbidden_reason(address, allow_private=allow_private)

        monkeypatch.setattr(download, "forbidden_reason", judge)
        lead_names(monkeypatch, {NAME: [[ADDRESS]]})
        self.pages.clear()
        self.requests.clear()
        self.connections = 0
