"""The whole chain on this machine: a sandbox, a picture host, and the nightly campaign DAG between them.

Everything it makes is in .demo/ in the checkout; nothing is left running.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, make_pictures, picture_host

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
LOG = HOME / "airflow.log"
RESULT = HOME / "result.json"
CONNECTION = "oppo_image_default"


def airflow_environment(home: Path, sandbox: SandboxServer) -> dict[str, str]:
    """Return the environment of a separate Airflow, with a connection to the sandbox."""
    connection = {
        "conn_type": "oppo_image",
        "login": sandbox.options.app_key,
        "password": sandbox.options.master_secret,
        "host": sandbox.url,
        "extra": {"allow_private_addresses": True},
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        f"AIRFLOW_CONN_{CONNECTION.upper()}": json.dumps(connection),
        "NO_PROXY": "127.0.0.1",
    }


def run_nightly_campaigns(sandbox: SandboxServer, pictures: str) -> dict[str, Any]:
    """Run the nightly DAG in an Airflow of its own, and return what became of each of its tasks."""
    campaigns = [campaign.parameter(pictures) for campaign in CAMPAIGNS]
    RESULT.unlink(missing_ok=True)
    dag_file = ROOT / "example_dags" / "nightly_campaigns.py"
    conf = json.dumps({"campaigns": campaigns, "send": True})
    command = [sys.executable, str(ROOT / "scripts" / "run_dag.py"), str(dag_file), dag_file.stem, conf, str(RESULT)]
    with LOG.open("w") as log:
        finished = subprocess.run(
            command,
            env=airflow_environment(HOME, sandbox),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
        )
    if finished.returncode or not RESULT.exists():
        tail = "\n".join(LOG.read_text().splitlines()[-20:])
        raise SystemExit(f"The DAG did not run to its end. The end of {LOG}:\n{tail}")
    outcome: dict[str, Any] = json.loads(RESULT.read_text())
    if outcome["state"] != "success":
        raise SystemExit(f"The DAG run ended as {outcome['state']}; see {LOG}.")
    return outcome


def returned(outcome: dict[str, Any], task_id: str, campaign: int) -> Any:
    """Return what a task of one campaign returned, from XCom."""
    return next(
        task["returned"]
        for task in outcome["tasks"]
        if task["task_id"] == f"campaign.{task_id}" and task["map_index"] == campaign
    )


def main() -> None:
    """Run the demo, and print what happened."""
    HOME.mkdir(exist_ok=True)
    make_pictures(HOME / "pictures", [*CAMPAIGNS, LAST_YEAR])
    with picture_host(HOME / "pictures") as pictures, SandboxServer() as sandbox:
        print(f"A sandbox of the service is at {sandbox.url}, and pictures are at {pictures}.")
        print("Running the DAG nightly_campaigns: wait for the pictures, upload them, push ...", flush=True)
        outcome = run_nightly_campaigns(sandbox, pictures)
        received = sandbox.received()
        wrong = check_picture("big", LAST_YEAR.parameter(pictures)["big_picture_url"], allow_private_addresses=True)

    print()
    print(f"{'campaign':<14}{'big_picture_id':<36}{'small_picture_id':<36}message id")
    for index, campaign in enumerate(CAMPAIGNS):
        ids = returned(outcome, "upload", index)
        msg_id = returned(outcome, "push", index)
        print(f"{campaign.name:<14}{ids['big_picture_id']:<36}{ids['small_picture_id']:<36}{msg_id}")
    print()
    print(f"The service saw {len(received['uploads'])} uploads and {len(received['pushes'])} pushes.")
    print("Last year's artwork would have stopped before the push:")
    print(f"  {wrong}")
    print(f"Airflow's log is in {LOG.relative_to(ROOT)}.")
    print(json.dumps({**returned(outcome, "upload", 0), "msg_id": returned(outcome, "push", 0)}))


if __name__ == "__main__":
    # As Ctrl-C does: leave by an exception, which ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The demo was stopped."))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("The demo was stopped.")
