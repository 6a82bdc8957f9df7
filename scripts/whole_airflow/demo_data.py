"""What there is to see at once: a connection to the sandbox, and runs of the example DAGs with pictures of ours."""

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

RUN_ID: Final = "demo"
"""The id of the runs that are started here; where it is there, nothing is."""

_NIGHT: Final = 60
_HOST: Final = f"http://{LOOPBACK}"


def draw_pictures(folder: Path) -> None:
    """Draw all pictures: the campaigns' and the night's.

    :param folder: where to.
    """
    make_pictures(folder, [*CAMPAIGNS, LAST_YEAR])
    night = _night()
    make_pictures(folder / "night", night)
    for number, campaign in enumerate(night):
        _spoil(folder / "night" / campaign.big, number)


def connect(api: Api, sandbox: SandboxServer) -> None:
    """Have a connection to the sandbox in Airflow's database.

    One that is there follows the sandbox's port for as long as its host is this machine; else it is the user's own.

    :param api: Airflow's API.
    :param sandbox: where it leads.
    """
    path = f"connections/{DEFAULT_CONN_ID}"
    # With the port in its own field, for Airflow 3.3.2 tests no stored connection whose port is empty.
    place = {
        "connection_id": DEFAULT_CONN_ID,
        "conn_type": CONN_TYPE,
        "host": _HOST,
        "port": urlsplit(sandbox.url).port,
    }
    found = api.find(path)
    if found is None:
        credentials = {"login": sandbox.options.app_key, "password": sandbox.options.master_secret}
        extra = {"allow_private_addresses": True}
        description = "The sandbox that make airflow started"
        api.ask("POST", "connections", place | credentials | {"extra": json.dumps(extra), "description": description})
    elif found["host"] == _HOST:
        api.ask("PATCH", f"{path}?update_mask=port", place)


def trigger_runs(api: Api, pictures: str, folder: Path) -> None:
    """Switch all DAGs on, and run two of the examples, unless that was done before.

    :param api: Airflow's API.
    :param pictures: the address of the host of the pictures.
    :param folder: where the night's manifest and results go.
    """
    if api.find(f"dags/nightly_campaigns/dagRuns/{RUN_ID}"):
        return
    for dag in api.ask("GET", "dags")["dags"]:
        api.ask("PATCH", f"dags/{dag['dag_id']}", {"is_paused": False})
    campaigns = [campaign.parameter(pictures) for campaign in (*CAMPAIGNS, LAST_YEAR)]
    _run(api, "nightly_batch", _write_night(folder, f"{pictures}/night"))
    _run(api, "nightly_campaigns", {"campaigns": campaigns, "send": True})


def _run(api: Api, dag: str, conf: dict[str, Any]) -> None:
    if not api.find(f"dags/{dag}/dagRuns/{RUN_ID}"):
        api.start(dag, conf, RUN_ID)


def _night() -> list[Campaign]:
    """Return the campaigns of a night, each in a color of its own."""
    return [
        Campaign(
            f"night_{number + 1:02d}",
            f"Night {number + 1}",
            "",
            (_color(number / _NIGHT, 0.5), _color(number / _NIGHT, 0.7)),
        )
        for number in range(_NIGHT)
    ]


def _color(hue: float, value: float) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hsv_to_rgb(hue, 0.7, value))


def _spoil(picture: Path, number: int) -> None:
    """Make four big pictures wrong ones: of another size, in another format, too heavy."""
    with Image.open(picture) as image:
        match number:
            case 4 | 6:
                image.resize(LAST_YEAR.big_size).save(picture)
            case 14:
                image.save(picture, "WEBP")
            case 24:
                noise = os.urandom(3 * image.width * image.height)
                Image.frombytes("RGB", image.size, noise).save(picture, "PNG")


def _write_night(folder: Path, pictures: str) -> dict[str, Any]:
    """Write the manifest of the night, and return the parameters of the DAG nightly_batch."""
    folder.mkdir(exist_ok=True)
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "big_picture_url", "small_picture_url"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(campaign.parameter(pictures) for campaign in _night())
    return {"manifest": str(manifest), "folder": str(folder / "parts"), "results": str(folder / "results.csv")}
