"""Start the pictures, their host, the sandbox, Airflow and the demo runs, in this order."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.checkout import ROOT
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, free_port, picture_host
from scripts.whole_airflow import demo_data
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.components import ComponentError, Components
from scripts.whole_airflow.home import USER, Home

_AIRFLOW_PORT, _SANDBOX_PORT, _PICTURES_PORT = 8080, 8369, 8470
_START_S: Final = 300.0

_READY: Final = """
Airflow is ready: {airflow}
  user      {user}
  password  {password}
  sandbox   {sandbox}/  shows the requests that the service received
  pictures  {pictures}/
  logs      {home}/*.log; task logs are in {home}/logs/

What to look at:
  {airflow}/dags/nightly_campaigns/runs/demo
    The tab "OPPO pictures": two campaigns are pushed, last year's stops before its push.
  {airflow}/dags/nightly_batch/runs/demo
    The same tab: sixty pictures from one manifest, four of them wrong.
  {airflow}/dags/upload_then_push
    Press Trigger. For the form, a big and a small picture, and a big picture that is wrong:
      {big_picture_url}
      {small_picture_url}
      {wrong}
  {airflow}/connections
    Test and edit oppo_image_default, which points to the sandbox.

Ctrl-C ends all of it. The data stays in {home}/ for the next start.
"""


def run(folder: Path, sleep: Callable[[float], object]) -> None:
    """Start everything, print the addresses, and run until it is stopped.

    :param folder: Airflow's home.
    :param sleep: waits; an exception from it stops everything.
    :raises SystemExit: if it failed; the reason was printed.
    """
    home = Home(folder, ROOT / "example_dags")
    with ExitStack() as stack:
        lock = stack.enter_context(home.locked())
        try:
            _run(home, lock, sleep, stack)
        except (ComponentError, SystemExit, OSError) as reason:
            # Print it now, not after the seconds that stopping takes.
            print(reason, file=sys.stderr, flush=True)
            raise SystemExit(1) from None
        finally:
            print("Stopping everything, which takes a few seconds ...", flush=True)


def _run(home: Home, lock: int, sleep: Callable[[float], object], stack: ExitStack) -> None:
    demo_data.draw_pictures(home.folder / "pictures")
    pictures = stack.enter_context(picture_host(home.folder / "pictures", free_port(_PICTURES_PORT)))
    sandbox = stack.enter_context(SandboxServer(port=free_port(_SANDBOX_PORT)))
    environment = home.environment(free_port(_AIRFLOW_PORT))
    address = environment["AIRFLOW__API__BASE_URL"]
    components = stack.enter_context(Components(home.folder, environment, sleep=sleep, keep=True, pass_fds=[lock]))
    for log in home.folder.glob("*.log"):
        log.unlink()
    api = Api(address, USER, home.password())
    if not home.has_database():
        print("Creating Airflow's database ...", flush=True)
        components.migrate()
        home.mark_migrated()
    print("Starting Airflow ...", flush=True)
    started = datetime.datetime.now(datetime.UTC)
    components.start_all()
    files = {path.name for path in home.dags.glob("*.py")}
    components.until(lambda: api.is_ready(started, files), "Airflow to be ready", within=_START_S)
    demo_data.create_connection(api, sandbox)
    demo_data.trigger_runs(api, pictures, home.folder / "night")
    good, wrong = CAMPAIGNS[0].parameter(pictures), LAST_YEAR.parameter(pictures)
    values = {
        "airflow": address,
        "user": USER,
        "password": home.password(),
        "sandbox": sandbox.url,
        "pictures": pictures,
        "home": os.path.relpath(home.folder),
        "wrong": wrong["big_picture_url"],
    }
    print(_READY.format(**values, **good), flush=True)
    components.watch()
