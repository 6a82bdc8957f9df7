"""Attacks on the check of pictures with thousands of mutated pictures, and with bombs."""

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
from tests.trust.fuzz_process import LARGE, REFUSED, RULES, SLOW, slowness

SECTION = "nothing breaks the parser"
MAX_DEFLATE_SECONDS = 0.2


def fuzz(count: int, directory: Path, attacks: AttackReport, inputs: str) -> dict[str, Any]:
    """Fuzz in a separate process, record each rule with its figures, and return the findings."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.trust.fuzz_process", str(count), str(directory)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=3_500)
    assert done.returncode == 0, f"the process crashed with {directory / 'input'}: {done.stderr}"
    findings: dict[str, Any] = json.loads(done.stdout)
    figures = {
        SLOW: f" (highest: {findings['slowest_ms']:.0f} ms)",
        LARGE: f" (highest: {findings['peak_mb']:.0f} MB)",
    }
    for rule in RULES:
        tried = findings["states"]["ready"] if rule == REFUSED else findings["tried"]
        attack = f"{inputs}: {rule}{figures.get(rule, '')}"
        attacks.record(SECTION, attack, tried=tried, succeeded=len(findings["broken"][rule]))
    return findings


@pytest.mark.timeout(3_600)
def test_check_survives_mutated_pictures(pytestconfig: pytest.Config, attacks: AttackReport, tmp_path: Path) -> None:
    findings = fuzz(int(pytestconfig.getoption("--fuzz")), tmp_path, attacks, "mutated pictures")
    assert not any(findings["broken"].values()), f"see {tmp_path}; mutations.mutant reproduces a seed: {findings}"
    # Otherwise the mutations are too strong or too weak to find anything.
    assert min(findings["states"][state] for state in ("ready", "absent", "wrong")) > findings["tried"] // 25, findings


def test_check_survives_bombs(attacks: AttackReport, tmp_path: Path) -> None:
    findings = fuzz(0, tmp_path, attacks, "bombs")
    assert not any(findings["broken"].values()), f"see {tmp_path}: {findings}"
    assert findings["tried"] >= 20


def test_check_of_deflate_headers_has_a_time_limit(attacks: AttackReport, tmp_path: Path) -> None:
    """These blocks cannot be recognized before they are inflated, so the check takes longer than for other files."""
    path = tmp_path / "headers.png"
    path.write_bytes(artwork.deflate_headers())
    times = []
    for _ in range(3):
        start = time.thread_time()
        report = check_file("big", path)
        times.append(time.thread_time() - start)
    seconds = min(times) / slowness()
    attack = f"1 MB of deflate headers: over {MAX_DEFLATE_SECONDS * 1000:.0f} ms (was: {seconds * 1000:.0f} ms)"
    attacks.require(SECTION, attack, seconds <= MAX_DEFLATE_SECONDS, seconds)
    assert report.state == "ready"
