from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.pictures.image_info import sniff_format
from tests.support import artwork


@pytest.mark.parametrize(
    ("content", "name"),
    [(artwork.png(144, 144), "PNG"), (artwork.jpeg(144, 144), "JPEG"),
     (artwork.other_format("GIF", 144, 144), "GIF"), (artwork.other_format("WEBP", 144, 144), "WebP"),
     (artwork.other_format("BMP", 144, 144), "BMP"), (artwork.other_format("TIFF", 144, 144), "TIFF"),
     (artwork.other_format("AVIF", 144, 144), "AVIF"), (artwork.other_format("ICO", 48, 48), "icon"),
     (artwork.HEIC, "HEIC"), (artwork.PDF, "PDF"), (artwork.SVG, "SVG"), (artwork.HTML, "web page (HTML)"),
     (b"\xef\xbb\xbf\n <HTML>", "web page (HTML)"), (b"<!-- nothing here --><body>", "web page (HTML)"),
     (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
     (b'{"error": "not found"}', "JSON"), (b"not found\n", "text"), (b"PK\3\4....", "ZIP archive"),
     (b"\x1f\x8b\x08", "gzip archive"), (b"....ftypmp42", "video or HEIF file"), (b"\0\1\2\3", None),
     (base64.b64encode(artwork.png(144, 144)), "Base64 text"), (base64.b64encode(artwork.jpeg(9, 9)), "Base64 text"),
     (b"data:image/png;base64,AAAA", "Base64 text"), (b"", None)],
)  # fmt: skip
def test_sniff_format(content: bytes, name: str | None) -> None:
    assert sniff_format(content) == name


@given(st.binary(max_size=600))
def test_sniff_format_accepts_any_bytes(content: bytes) -> None:
    sniff_format(content)
