"""No damaged picture is ready, and no whole one is broken: against strict decoders, on pictures of other projects too.

A *damaged* picture is one that a generator damaged, and that in addition a strict decoder refuses (``djpeg -strict``,
libpng in ``pngtopnm``) or that lacks rows or scans. A comment that is missing, for example, is not damage.
"""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from airflow_provider_oppo_image.contract import PICTURE_RULES
from airflow_provider_oppo_image.pictures import check
from airflow_provider_oppo_image.pictures.decode import inspect_header
from airflow_provider_oppo_image.pictures.report import PictureReport
from scripts.checkout import ROOT
from tests.trust import picture_damage
from tests.trust.attack_report import AttackReport

CORPUS: Final = ROOT / "build" / "picture-corpus"
SECTION: Final = "ready means whole"
MAX_BYTES: Final = 600_000
MAX_PIXELS: Final = 2_000_000

# What the check refuses of a picture that the strict decoders take: docs/decisions/strict-decoding.md says why.
STRICTER: Final = {
    "the checksum of a": "checksum of an optional chunk",
    "its texts inflate to": "decompression bomb in a text",
    "its chunk": "reserved chunk name",
}
# What the check calls ready, though a strict decoder refuses it.
MILDER: Final = {
    "extraneous bytes before marker 0xdb": "stray bytes in the header",
    "extraneous bytes before marker 0xe1": "stray bytes in the header",
    "Warning: unknown JFIF revision number": "JFIF revision",
    "Invalid SOS parameters for sequential JPEG": "unused numbers of a sequential scan",
}


def decoder_says(content: bytes) -> str | None:
    """Return what a strict decoder has to say against a picture; None where it takes it."""
    jpeg = content.startswith(b"\xff\xd8")
    command = ["djpeg", "-strict", "-scale", "1/8", "-outfile", os.devnull] if jpeg else ["pngtopnm"]
    done = subprocess.run(command, input=content, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.stderr.decode(errors="replace") or "refused" if done.returncode else None


def report_on(content: bytes, original: bytes, monkeypatch: pytest.MonkeyPatch) -> PictureReport:
    """Check a file as a picture that must have the original's dimensions."""
    facts = inspect_header(original)
    assert facts
    assert facts.width
    assert facts.height
    limits = {"max_bytes": 2 * MAX_BYTES, "recommended_bytes": 2 * MAX_BYTES}
    rule = dataclasses.replace(PICTURE_RULES["big"], width=facts.width, height=facts.height, **limits)
    monkeypatch.setattr(check, "PICTURE_RULES", {"big": rule})
    return check.check_bytes("big", content, "picture")


def is_bearable(content: bytes) -> bool:
    facts = inspect_header(content)
    return bool(facts and facts.width and facts.height and facts.width * facts.height <= MAX_PIXELS)


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """All pictures by name: those of other projects, and those made here."""
    missing = [tool for tool in ("djpeg", "pngtopnm") if not shutil.which(tool)] + (
        [] if CORPUS.exists() else [CORPUS.name]
    )
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{', '.join(missing)} missing: run make test-trust")
    found = {
        str(path.relative_to(CORPUS)): path.read_bytes()
        for path in sorted(CORPUS.rglob("*.*"))
        if path.stat().st_size <= MAX_BYTES
    }
    found = {name: content for name, content in found.items() if is_bearable(content)}
    assert len(found) > 500
    return found | dict(picture_damage.originals())


@pytest.mark.timeout(3_600)
def test_whole_pictures_are_not_broken(
    pictures: dict[str, bytes], attacks: AttackReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = []
    for name, content in pictures.items():
        report = report_on(content, content, monkeypatch)
        unusual = [problem for problem in report.problems if problem.code not in ("broken", "truncated")]
        against = decoder_says(content)
        if unusual or (report.state == "ready") == (against is None):
            continue
        words = against or str(report.problems[0])
        reasons = STRICTER if against is None else MILDER
        why = next((why for start, why in reasons.items() if start in words), None)
        if why:
            attacks.record(f"{SECTION}: disagreements", f"{report.state}: {why}")
        else:
            wrong.append(f"{name} is {report.state}: {words.strip()}")
    attacks.record(SECTION, "whole pictures: not taken for what they are", tried=len(pictures), succeeded=len(wrong))
    assert not wrong


@pytest.mark.timeout(3_600)
def test_damaged_pictures_are_not_ready(
    pictures: dict[str, bytes],
    attacks: AttackReport,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    tmp_path: Path,
) -> None:
    ready = {
        name: content
        for name, content in pictures.items()
        if report_on(content, content, monkeypatch).state == "ready" and decoder_says(content) is None
    }
    pools = [
        [content for name, content in ready.items() if content.startswith(start) and (name in made) == is_made]
        for made in (dict(picture_damage.originals()),)
        for start in (b"\xff\xd8", b"\x89PNG")
        for is_made in (True, False)
    ]
    damaged: Counter[str] = Counter()
    through: Counter[str] = Counter()
    tried = int(pytestconfig.getoption("--pictures"))
    for seed in range(tried):
        chance = random.Random(seed)  # noqa: S311 - no secret
        original, other = chance.choices(chance.choice(pools), k=2)
        name, content = picture_damage.damage(chance, original, other)
        report = report_on(content, original, monkeypatch)
        if report.state != "ready":
            damaged[name] += name in picture_damage.MISSING or decoder_says(content) is not None
        elif name in picture_damage.MISSING or (decoder_says(content) is not None):
            damaged[name] += 1
            through[name] += 1
            (tmp_path / f"{name} {seed}").write_bytes(content)
    for name in sorted(damaged):
        attacks.record(SECTION, f"damage: {name}", tried=damaged[name], succeeded=through[name])
    assert damaged.total() > tried / 2
    assert not through, f"the files are in {tmp_path}"
