"""A picture host on loopback that the address policy treats as public."""

from __future__ import annotations

import ssl

import pytest

from airflow_provider_oppo_image.net.urls import forbidden_reason
from airflow_provider_oppo_image.pictures import download
from tests.support.fake_dns import patch_dns
from tests.support.picture_host import PictureHost

ADDRESS = "127.0.0.9"
NAME = "public.example"


class PublicHost(PictureHost):
    """The host at `ADDRESS`. Its URLs contain `NAME`, since a URL with the address itself is refused."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(ADDRESS, tls)

    @property
    def base_url(self) -> str:
        return super().base_url.replace(ADDRESS, NAME)

    def allow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the address policy accept the host, and reset the host."""

        def reason(address: str, *, allow_private: bool = False) -> str | None:
            return None if address == ADDRESS else forbidden_reason(address, allow_private=allow_private)

        monkeypatch.setattr(download, "forbidden_reason", reason)
        patch_dns(monkeypatch, {NAME: [[ADDRESS]]})
        self.pages.clear()
        self.requests.clear()
        self.connections = 0
