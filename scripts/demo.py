"""Run the nightly campaign DAG on this machine, between a sandbox and a picture host: `make demo`.

All files are in .demo/ in the checkout. No process is left running.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.checkout import ROOT
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, make_pictures, picture_host
from scripts.whole_airflow.environment import airflow_environment, connection_to

HOME = ROOT / ".demo"
LOG = HOME / "airflow.log"
RESULT = HOME / "result.json"


def run_nightly_campaigns(sandbox: SandboxServer, pictures: str) -> dict[str, Any]:
    """Run the DAG, and return the result that `run_dag.py` wrote."""
    conf = json.dumps({"campaigns": [campaign.parameter(pictures) for campaign in CAMPAIGNS], "send": True})
    RESULT.unlink(missing_ok=True)
    dag_file = ROOT / "example_dags" / "nightly_campaigns.py"
    command = [sys.executable, str(ROOT / "scripts" / "run_dag.py"), str(dag_file), dag_file.stem, conf, str(RESULT)]
    connections = {"oppo_image_default": connection_to(sandbox)}
    environment = airflow_environment(HOME, dag_file.parent, connections=connections)
    with LOG.open("w") as log:
        finished = subprocess.run(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False, timeout=300
        )
    if finished.returncode or not RESULT.exists():
        tail = "\n".join(LOG.read_text().splitlines()[-20:])
        raise SystemExit(f"The DAG run failed. The end of {LOG}:\n{tail}")
    result: dict[str, Any] = json.loads(RESULT.read_text())
    if result["state"] != "success":
        raise SystemExit(f"The DAG run ended in state {result['state']}; see {LOG}.")
    return result


def main() -> None:
    """Run the demo, and print its results."""
    HOME.mkdir(exist_ok=True)
    make_pictures(HOME / "pictures", [*CAMPAIGNS, LAST_YEAR])
    with picture_host(HOME / "pictures") as pictures, SandboxServer() as sandbox:
        print(f"A sandbox of the service is at {sandbox.url}, and pictures are at {pictures}.")
        print("Running the DAG nightly_campaigns: wait for the pictures, upload them, push ...", flush=True)
        tasks = run_nightly_campaigns(sandbox, pictures)["tasks"]
        received = sandbox.received()
        wrong = check_picture("big", LAST_YEAR.parameter(pictures)["big_picture_url"], allow_private_addresses=True)

    returned = {(task["task_id"], task["map_index"]): task["returned"] for task in tasks}
    print(f"\n{'campaign':<14}{'big_picture_id':<36}{'small_picture_id':<36}message id")
    for index, campaign in enumerate(CAMPAIGNS):
        ids, msg_id = returned["campaign.upload", index], returned["campaign.push", index]
        print(f"{campaign.name:<14}{ids['big_picture_id']:<36}{ids['small_picture_id']:<36}{msg_id}")
    print(f"\nThe service received {len(received['uploads'])} uploads and {len(received['pushes'])} pushes.")
    print("Last year's artwork would have stopped before the push:")
    print(f"  {wrong}")
    print(f"Airflow's log is in {LOG.relative_to(ROOT)}.")
    print(json.dumps({**returned["campaign.upload", 0], "msg_id": returned["campaign.push", 0]}))


if __name__ == "__main__":
    # SIGTERM raises an exception, as Ctrl-C does, so that everything that was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The demo was stopped."))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("The demo was stopped.")
