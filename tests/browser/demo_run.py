"""A DAG run with campaigns in different states and a batch, and the addresses of its pages."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from playwright.sync_api import Frame, FrameLocator, Page

from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, Campaign, make_pictures
from tests.support import artwork
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack
from tests.support.picture_host import PictureHost

TAB: Final = "OPPO pictures"
EVIL: Final = "<script>alert(1)</script>"
AUTUMN: Final = Campaign("autumn", "Autumn", "The last pieces of the season", ("#7c4a03", "#d9a441"))
BATCH_ROWS: Final = 40
WRONG_ROWS: Final = (3, 5)
SPRING, WRONG, ABSENT, TEXT, HEAVY = range(5)
"""Map indexes of the campaigns."""

_FINISHED: Final = ("success", "failed", "upstream_failed", "up_for_retry")


@dataclass(frozen=True)
class DemoRun:
    """A run of the DAG `demo_run`.

    :param run: the run.
    :param host: the host of its pictures.
    :param message_ids: the message ids of its pushes, by their titles.
    """

    run: Run
    host: PictureHost
    message_ids: dict[str, str]

    def page_of(self, task: str = "", map_index: int = -1) -> str:
        """Return the path of the run, or of one of its tasks, in Airflow."""
        run = f"/dags/{self.run.dag_id}/runs/{self.run.run_id}"
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        return f"{run}/tasks/{task}{mapped}" if task else run

    def tab_of(self, task: str = "", map_index: int = -1) -> str:
        """Return the path of the tab of the run, or of one of its tasks."""
        return f"{self.page_of(task, map_index)}/plugin/{'oppo-task-pictures' if task else 'oppo-pictures'}"

    def address(self, page: str = "pictures", **query: object) -> str:
        """Return the path of a page without Airflow around it."""
        return f"/oppo-image/{page}?" + urlencode({"dag_id": self.run.dag_id, "run_id": self.run.run_id, **query})


def start_run(airflow: AirflowStack, host: PictureHost, folder: Path) -> Run:
    """Start the run."""
    campaigns = [
        _campaign(CAMPAIGNS[0], host),
        _campaign(LAST_YEAR, host),
        _campaign(AUTUMN, host) | {"big_picture_url": f"{host.base_url}/not_there_yet.jpg"},
        _campaign(CAMPAIGNS[0], host) | {"name": EVIL, "title": EVIL, "text": EVIL},
        _campaign(CAMPAIGNS[1], host) | {"big_picture_url": f"{host.base_url}/heavy.jpg"},
    ]
    _serve(host, folder / "pictures")
    manifest = _write_manifest(host, folder / "night.csv")
    teaser = f"{host.base_url}/{CAMPAIGNS[1].big}"
    return airflow.trigger("demo_run", {"campaigns": campaigns, "teaser": teaser, "manifest": str(manifest)})


def is_finished(airflow: AirflowStack, run: Run) -> bool:
    """Return True if only the task that waits for a picture is unfinished."""
    tasks = airflow.database.tasks(run)
    finished = [task for task in tasks if task["state"] in _FINISHED]
    waiting = [task for task in tasks if (task["task_id"], task["map_index"]) == ("campaign.push", ABSENT)]
    return len(waiting) == 1 and len(finished) == len(tasks) - 1


def _campaign(campaign: Campaign, host: PictureHost) -> dict[str, str]:
    return campaign.parameter(host.base_url)


def _serve(host: PictureHost, folder: Path) -> None:
    make_pictures(folder, [*CAMPAIGNS, LAST_YEAR, AUTUMN])
    for picture in folder.iterdir():
        host.serve(f"/{picture.name}", picture.read_bytes(), content_type=_type(picture.name))
    heavy = artwork.with_segments(
        (folder / CAMPAIGNS[1].big).read_bytes(), *[artwork.segment(0xFE, bytes(65_000))] * 15
    )
    host.serve("/heavy.jpg", heavy, content_type="image/jpeg")


def _write_manifest(host: PictureHost, manifest: Path) -> Path:
    pages = {name: host.pages[f"/{name}"] for name in (CAMPAIGNS[0].big, CAMPAIGNS[1].big, LAST_YEAR.big)}
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "big_picture_url", "small_picture_url"))
        for number in range(BATCH_ROWS):
            like = LAST_YEAR.big if number in WRONG_ROWS else CAMPAIGNS[number % 2].big
            big = host.add(f"/night_{number:02d}.jpg", pages[like])
            writer.writerow((f"night_{number:02d}", big, f"{host.base_url}/{CAMPAIGNS[number % 2].small}"))
    return manifest


def _type(name: str) -> str:
    return "image/jpeg" if name.endswith(".jpg") else "image/png"


def framed(page: Page) -> FrameLocator:
    """Return the content of Airflow's tab."""
    return page.frame_locator(f'iframe[title="{TAB}"]')


def frame_of(page: Page) -> Frame:
    """Return the frame of Airflow's tab, once it has content."""
    framed(page).get_by_role("main").wait_for()
    frame = page.locator(f'iframe[title="{TAB}"]').element_handle().content_frame()
    assert frame
    return frame
