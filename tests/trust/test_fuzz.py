"""Nothing breaks the parser: pictures changed at random by the thousand, and bombs, against the check of pictures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.pictures.check import check_file
from tests.support import artwork
from tests.trust.attack_report import AttackReport
from tests.trust.fuzz_process import EXCEPTION, LARGE, OVERTURNED, REFUSED, SLOW, slowness

SECTION = "nothing breaks the parser"


def attack(count: int, directory: Path) -> dict[str, Any]:
    """Run the attack in a process of its own, and return its findings."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.trust.fuzz_process", str(count), str(directory)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=3_500)
    assert done.returncode == 0, f"the process died of {directory / 'input'}: {done.stderr}"
    findings: dict[str, Any] = json.loads(done.stdout)
    return findings


def record(attacks: AttackReport, what: str, findings: dict[str, Any]) -> None:
    """Note each promise, with the figures next to it."""
    figures = {
        SLOW: f" (most: {findings['slowest_ms']:.0f} ms)",
        LARGE: f" (most: {findings['peak_mb']:.0f} MB)",
    }
    for promise in (EXCEPTION, SLOW, LARGE, REFUSED, OVERTURNED):
        tried = findings["states"]["ready"] if promise == REFUSED else findings["tried"]
        succeeded = len(findings["succeeded"][promise])
        attacks.record(SECTION, f"{what}: {promise}{figures.get(promise, '')}", tried=tried, succeeded=succeeded)


def broken(findings: dict[str, Any]) -> dict[str, list[str]]:
    """Return the promises that were broken, with what broke them."""
    return {promise: names for promise, names in findings["succeeded"].items() if names}


@pytest.mark.timeout(3_600)
def test_no_change_of_a_picture_breaks_the_check(
    pytestconfig: pytest.Config, attacks: AttackReport, tmp_path: Path
) -> None:
    findings = attack(int(pytestconfig.getoption("--fuzz")), tmp_path)
    record(attacks, "changed pictures", findings)
    assert not broken(findings), f"the files are in {tmp_path}; mutations.mutant makes them of their seeds: {findings}"
    # Else the changes were too blunt, or too fine, to find anything.
    assert min(findings["states"][state] for state in ("ready", "absent", "wrong")) > findings["tried"] // 25, findings


def test_no_bomb_breaks_the_check(attacks: AttackReport, tmp_path: Path) -> None:
    findings = attack(0, tmp_path)
    record(attacks, "bombs", findings)
    assert not broken(findings), f"the files are in {tmp_path}: {findings}"
    assert findings["tried"] >= 20


def test_deflate_headers_cost_what_two_decoders_need_for_them(attacks: AttackReport, tmp_path: Path) -> None:
    """The one that is slower than others: nothing in it can be told from a picture's data before it is inflated."""
    path = tmp_path / "headers.png"
    path.write_bytes(artwork.deflate_headers())
    times = []
    for _ in range(3):
        start = time.thread_time()
        report = check_file("big", path)
        times.append(time.thread_time() - start)
    most, took = 0.2, min(times) / slowness()
    what = f"1 MB of deflate headers: over {most * 1000:.0f} ms (took: {took * 1000:.0f} ms)"
    attacks.record(SECTION, what, succeeded=took > most)
    assert took <= most
    assert report.state == "ready"
