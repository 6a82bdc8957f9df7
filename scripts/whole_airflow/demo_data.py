"""Demo data: a connection to the sandbox, pictures, and runs of the example DAGs with these pictures."""

from __future__ import annotations

import colorsys
import csv
import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from PIL import Image

from airflow_provider_oppo_image.connection import CONN_TYPE, DEFAULT_CONN_ID
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, LOOPBACK, Campaign, make_pictures
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.environment import connection_to

RUN_ID: Final = "demo"
"""The id of the runs; they are not triggered again if a run with this id exists."""

_BATCH_SIZE: Final = 60
_HOST: Final = f"http://{LOOPBACK}"


def draw_pictures(folder: Path) -> None:
    """Draw the pictures of the campaigns and of the batch into a folder."""
    make_pictures(folder, [*CAMPAIGNS, LAST_YEAR])
    campaigns = _batch_campaigns()
    make_pictures(folder / "night", campaigns)
    for number, campaign in enumerate(campaigns):
        _make_wrong(folder / "night" / campaign.big, number)


def create_connection(api: Api, sandbox: SandboxServer) -> None:
    """Create the default connection, to the sandbox, or update its port.

    A connection whose host is not this machine is the user's own, and is not changed.
    """
    path = f"connections/{DEFAULT_CONN_ID}"
    # The port has its own field, because Airflow 3.3.2 does not test a stored connection without a port.
    fields = {
        "connection_id": DEFAULT_CONN_ID,
        "conn_type": CONN_TYPE,
        "host": _HOST,
        "port": urlsplit(sandbox.url).port,
    }
    found = api.find(path)
    if found is None:
        new = connection_to(sandbox)
        more = {"extra": json.dumps(new["extra"]), "description": "The sandbox of make airflow"}
        api.ask("POST", "connections", new | fields | more)
    elif found["host"] == _HOST:
        api.ask("PATCH", f"{path}?update_mask=port", fields)


def trigger_runs(api: Api, pictures: str, folder: Path) -> None:
    """Unpause all DAGs and trigger two of them, unless that was done before.

    :param pictures: the URL of the picture host.
    :param folder: where the batch's manifest and results go.
    """
    if api.find(f"dags/nightly_campaigns/dagRuns/{RUN_ID}"):
        return
    for dag in api.ask("GET", "dags")["dags"]:
        api.ask("PATCH", f"dags/{dag['dag_id']}", {"is_paused": False})
    campaigns = [campaign.parameter(pictures) for campaign in (*CAMPAIGNS, LAST_YEAR)]
    if not api.find(f"dags/nightly_batch/dagRuns/{RUN_ID}"):
        api.start("nightly_batch", _write_manifest(folder, f"{pictures}/night"), RUN_ID)
    api.start("nightly_campaigns", {"campaigns": campaigns, "send": True}, RUN_ID)


def _batch_campaigns() -> list[Campaign]:
    """Return the batch's campaigns, each in a different color."""
    numbers = range(1, _BATCH_SIZE + 1)
    return [Campaign(f"night_{at:02d}", f"Night {at}", "", (_color(at, 0.5), _color(at, 0.7))) for at in numbers]


def _color(number: int, value: float) -> str:
    parts = colorsys.hsv_to_rgb(number / _BATCH_SIZE, 0.7, value)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _make_wrong(picture: Path, number: int) -> None:
    """Make four big pictures wrong: two in size, one in format, one in bytes."""
    with Image.open(picture) as image:
        match number:
            case 4 | 6:
                image.resize(LAST_YEAR.big_size).save(picture)
            case 14:
                image.save(picture, "WEBP")
            case 24:
                noise = os.urandom(3 * image.width * image.height)
                Image.frombytes("RGB", image.size, noise).save(picture, "PNG")


def _write_manifest(folder: Path, pictures: str) -> dict[str, Any]:
    """Write the batch's manifest, and return the parameters of the DAG nightly_batch."""
    folder.mkdir(exist_ok=True)
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "big_picture_url", "small_picture_url"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(campaign.parameter(pictures) for campaign in _batch_campaigns())
    return {"manifest": str(manifest), "folder": str(folder)}
