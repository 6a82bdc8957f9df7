"""Count the modules of the package that take part in an upload, a poke, a batch row and a push.

usage: python -m scripts.modules_used

Prints a JSON object: for each operation, the modules with at least one function that ran. Functions that run while a
module is imported do not count, nor does the sandbox, which stands in for the service.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final
from unittest.mock import MagicMock

import airflow_provider_oppo_image as package
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS, make_pictures, picture_host
from scripts.whole_airflow.environment import airflow_environment, connection_to

FOLDER: Final = Path(package.__file__).parent
MESSAGE: Final = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}}


def modules_used(run: Callable[[], object]) -> list[str]:
    """Return the modules with a function that ran, in any thread that this call started and in this one."""
    files: set[str] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        # Bodies of modules and classes have no CO_OPTIMIZED flag.
        if event == "call" and frame.f_code.co_flags & 1:
            files.add(frame.f_code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    paths = (Path(file).relative_to(FOLDER) for file in files if Path(file).is_relative_to(FOLDER))
    return sorted(path.as_posix() for path in paths if path.parts[0] != "sandbox")


def operations(url: str, manifest: Path) -> Mapping[str, Callable[[], object]]:
    """Return the operations that are measured, by name, with a big picture that is ready."""
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
    from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
    from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor

    context: Any = {"ti": MagicMock(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1), "run_id": "r"}
    picture_id = OppoImageHook().upload("big", url)
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url=url)
    push = OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=picture_id)
    sensor = OppoImageSensor(task_id="wait", big_picture_url=url)
    results = str(manifest.with_name("results.csv"))
    return {
        "upload": lambda: upload.execute(context),
        "poke": lambda: sensor.poke(context),
        "batch row": lambda: OppoImageHook().upload_batch(manifest=str(manifest), results=results),
        "push": lambda: push.execute(context),
    }


def main() -> None:
    """Run each operation once, and print the modules that took part."""
    with tempfile.TemporaryDirectory() as name, SandboxServer() as sandbox:
        home = Path(name)
        os.environ.update(airflow_environment(home, home, connections={"oppo_image_default": connection_to(sandbox)}))
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
        make_pictures(home / "pictures", CAMPAIGNS[:1])
        with picture_host(home / "pictures") as host:
            url = f"{host}/{CAMPAIGNS[0].big}"
            manifest = home / "manifest.csv"
            manifest.write_text(f"name,big_picture_url\nspring,{url}\n")
            used = {what: modules_used(run) for what, run in operations(url, manifest).items()}
    print(json.dumps(used))


if __name__ == "__main__":
    main()
