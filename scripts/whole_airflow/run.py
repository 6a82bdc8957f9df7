"""Everything in its order: pictures, their host, the sandbox, Airflow, and what there is to see in it."""

from __future__ import annotations

import datetime
import os
import sys
from contextlib import ExitStack
from typing import Final

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, free_port, picture_host
from scripts.supervisor import Supervisor
from scripts.whole_airflow import demo_data
from scripts.whole_airflow.api import Api
from scripts.whole_airflow.components import Components
from scripts.whole_airflow.home import USER, Home
from scripts.whole_airflow.stop import Stop

_AIRFLOW_PORT, _SANDBOX_PORT, _PICTURES_PORT = 8080, 8369, 8470
_START_S: Final = 300.0

_READY: Final = """
Airflow is ready: {airflow}
  user      {user}
  password  {password}
  sandbox   {sandbox}/  shows what the service was asked for
  pictures  {pictures}/
  logs      {home}/*.log, and of tasks {home}/logs/

What to look at:
  {airflow}/dags/nightly_campaigns/runs/demo
    The tab "OPPO pictures": two campaigns are pushed, last year's stops before its push.
  {airflow}/dags/nightly_batch/runs/demo
    The same tab: sixty pictures from one manifest, four of them wrong.
  {airflow}/dags/upload_then_push
    Press Trigger. For the form, a big and a small picture, and a big one that is wrong:
      {big}
      {small}
      {wrong}
  {airflow}/connections
    Test and edit oppo_image_default, which leads to the sandbox.

Ctrl-C ends all of it. What it has is kept in {home}/ for the next time.
"""


def run(home: Home, stop: Stop) -> None:
    """Start everything, say so, and end it when it is time to.

    :param home: Airflow's home.
    :param stop: says when it is time.
    :raises Stopped: when somebody asked to stop.
    :raises SystemExit: when it cannot go on; the reason is told.
    """
    with ExitStack() as ending:
        lock = ending.enter_context(home.locked())
        try:
            _run(home, lock, stop, ending)
        except (SystemExit, OSError) as reason:
            # At once, and not after the seconds that stopping takes.
            print(reason, file=sys.stderr, flush=True)
            raise SystemExit(1) from None
        finally:
            print("Stopping all of it, which takes a few seconds ...", flush=True)


def _run(home: Home, lock: int, stop: Stop, ending: ExitStack) -> None:
    demo_data.draw_pictures(home.folder / "pictures")
    pictures = ending.enter_context(picture_host(home.folder / "pictures", free_port(_PICTURES_PORT)))
    sandbox = ending.enter_context(SandboxServer(port=free_port(_SANDBOX_PORT)))
    warden = ending.enter_context(Supervisor(home.folder, keep=True, holding=[lock]))
    components = Components(home, warden, stop)
    address = home.configure(free_port(_AIRFLOW_PORT))
    api = Api(address, USER, home.password())
    _start(home, components, api)
    demo_data.connect(api, sandbox)
    demo_data.trigger_runs(api, pictures, home.folder / "night")
    print(_ready(home, address, sandbox.url, pictures), flush=True)
    components.watch()


def _start(home: Home, components: Components, api: Api) -> None:
    if not home.has_database():
        print("Making Airflow's database ...", flush=True)
        components.migrate()
        home.database_is_made()
    print("Starting Airflow ...", flush=True)
    started = datetime.datetime.now(datetime.UTC)
    components.start()
    files = {path.name for path in home.dags.glob("*.py")}
    components.until(lambda: api.is_ready(started, files), "Airflow to be ready", _START_S)


def _ready(home: Home, airflow: str, sandbox: str, pictures: str) -> str:
    good, wrong = CAMPAIGNS[0].parameter(pictures), LAST_YEAR.parameter(pictures)
    return _READY.format(
        airflow=airflow,
        user=USER,
        password=home.password(),
        sandbox=sandbox,
        pictures=pictures,
        home=os.path.relpath(home.folder),
        big=good["big_picture_url"],
        small=good["small_picture_url"],
        wrong=wrong["big_picture_url"],
    )
