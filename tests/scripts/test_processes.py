from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import processes
from scripts.checkout import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a supervisor reads /proc")

PATIENCE_S = 30

STARTER = """
import os, signal, sys
from pathlib import Path
from scripts.processes import Supervisor

PARENT = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"

folder, ending = Path(sys.argv[1]), sys.argv[2]
log = folder / "log"
with Supervisor(folder) as supervisor:
    parent = supervisor.start([sys.executable, "-c", PARENT], log=log, stop_signal=signal.SIGTERM)
    while not (child := log.read_text().strip()):
        pass
    print(parent.pid, child, flush=True)
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if ending == "failed":
        raise RuntimeError
"""


def is_there(pid: int) -> bool:
    process = processes.find(pid)
    return process is not None and not process.ended


@pytest.mark.parametrize("ending", ["over", "failed", "killed"])
def test_supervisor_stops_children_and_removes_folder(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, "-c", STARTER, str(folder), ending]
    starter = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pids = [int(pid) for pid in starter.stdout.split()]

    assert len(pids) == 2
    end = time.monotonic() + PATIENCE_S
    while (any(map(is_there, pids)) or folder.exists()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(is_there, pids))
    assert not folder.exists()
