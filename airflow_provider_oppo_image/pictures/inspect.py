"""Bytes in, facts out: what a picture is, judged by nobody.

Three looks, each more costly and each made only where the one before found nothing wrong: at the first bytes, while
the rest is still on its way; at the structure of the whole file, with parsers of our own that inflate and decode
nothing; and a decoding by Pillow. What reaches Pillow has the dimensions that were asked for and no more chunks,
segments, scans or texts than a picture has, so that its time and memory are bounded by the rule.
"""

from __future__ import annotations

import dataclasses
import io

from PIL import Image, UnidentifiedImageError

from airflow_provider_oppo_image.contract import FORMATS
from airflow_provider_oppo_image.pictures import jpeg, png
from airflow_provider_oppo_image.pictures.facts import Broken, Facts, Truncated
from airflow_provider_oppo_image.pictures.formats import ENOUGH, name_format
from airflow_provider_oppo_image.pictures.strictness import strictly


def look_at_start(data: bytes) -> Facts | None:
    """Look at a file's first bytes: format, dimensions, and what else its header says.

    :param data: the first bytes, any number of them.
    :return: None when more bytes are needed.
    """
    name = name_format(data)
    if name not in FORMATS:
        return Facts(name) if len(data) >= ENOUGH else None
    try:
        return _read_header(name, data)
    except Truncated:
        return None
    except Broken as reason:
        return Facts(name, broken=str(reason))


def look_at_whole(data: bytes) -> Facts:
    """Look at the structure of a whole file, without decoding it.

    :param data: all bytes of the file, at least one.
    """
    if any(signature.startswith(data) for signature in (png.SIGNATURE, jpeg.SIGNATURE)):
        return Facts(None, truncated=True)
    name = name_format(data)
    if name not in FORMATS:
        return Facts(name)
    facts = Facts(name)
    try:
        facts = _read_header(name, data)
        return _read_structure(facts, data)
    except Truncated:
        return dataclasses.replace(facts, truncated=True)
    except Broken as reason:
        return dataclasses.replace(facts, broken=str(reason))


def decode(data: bytes, facts: Facts) -> Facts:
    """Decode a picture, and add to the facts what came out.

    :param data: all bytes of the file.
    :param facts: what `look_at_whole` found; nothing in them may be wrong, and the dimensions must be bearable.
    """
    try:
        if facts.format == "PNG":
            png.refuse_bomb(data)
        with strictly, Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.size != (facts.width, facts.height):
                return dataclasses.replace(facts, broken="its headers contradict each other")
            if image.format not in FORMATS:
                return dataclasses.replace(facts, format=_full_name(image.format))
            image.load()
            return dataclasses.replace(facts, invisible=_is_invisible(image))
    # On broken files Pillow raises what its parsers happen to meet (SyntaxError, struct.error, zlib.error...) and
    # promises no list.
    except Exception as error:  # noqa: BLE001
        said = "" if isinstance(error, UnidentifiedImageError) else str(error)
        return dataclasses.replace(facts, broken=said or "no decoder takes it")


def _read_header(name: str, data: bytes) -> Facts:
    if name == "PNG":
        return Facts(name, *png.read_dimensions(data))
    header = jpeg.read_header(data)
    return Facts(
        name,
        header.width,
        header.height,
        cmyk=header.components == 4,
        orientation=header.orientation,
        coding=header.coding,
    )


def _read_structure(facts: Facts, data: bytes) -> Facts:
    if facts.format == "PNG":
        structure = png.read_structure(data)
        return dataclasses.replace(facts, animated=structure.frames > 1, orientation=structure.orientation)
    jpeg.read_structure(data)
    return facts


def _is_invisible(image: Image.Image) -> bool:
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return "A" in image.getbands() and image.getchannel("A").getextrema() == (0, 0)


def _full_name(pillow_name: str | None) -> str | None:
    return "multi-picture JPEG (MPO)" if pillow_name == "MPO" else pillow_name
