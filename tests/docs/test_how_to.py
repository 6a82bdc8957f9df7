"""The small pieces of DAGs that the guides show work, and return what the docs say."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest.mock import ANY, Mock
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_RETRY_POLICIES, airflow_version
from airflow_provider_oppo_image.artwork.prepare import Layout, prepare
from airflow_provider_oppo_image.errors import PictureWrongError
from airflow_provider_oppo_image.hooks.uploads import upload_result
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.operators.asset_events import announce_uploads
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.docs.pages import ROOT
from tests.docs.snippets.check_pictures import is_ready, what_is_wrong
from tests.docs.snippets.prepare_artwork import make_small
from tests.support import artwork
from tests.support.dags import run_file
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import change_after
from tests.support.tasks import OutletEvents

SNIPPETS = Path(__file__).parent / "snippets"
SHAPES = {
    name: json.loads(block)
    for name, block in re.findall(
        r"<!-- shape: (\w+) -->\n```json\n(.*?)```", (ROOT / "docs/xcom-and-events.md").read_text(), re.DOTALL
    )
}


def keys(value: Any) -> Any:
    """Return a value's shape: which keys there are, whatever is under them."""
    if isinstance(value, Mapping):
        return {key: keys(inner) for key, inner in value.items()}
    return [keys(value[0])] if isinstance(value, list) and value else None


@pytest.mark.usefixtures("airflow_db", "connect")
def test_how_to_pieces_return_shown_values(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    conf = {
        "big": host.serve("/big.jpg", artwork.good("big", "JPEG")),
        "small": host.serve("/small.png", artwork.good("small")),
        "manifest": str(tmp_path / "night.csv"),
    }
    Path(conf["manifest"]).write_text(f"name,big_picture_url\nspring,{conf['big']}\n")
    pushing = tmp_path / "how_to.py"
    source = (SNIPPETS / "how_to.py").read_text().replace("validate_only=True", "validate_only=False")
    pushing.write_text(source.replace("msg_ids=push.output", "msg_ids=push.output, poke_interval=0.1"))
    dag_run = run_file(pushing, "how_to", conf)
    assert dag_run.state == "success"

    assert keys(dag_run.returned["wait", -1]) == keys(SHAPES["sensor"])
    assert keys(dag_run.returned["upload", -1]) == keys(SHAPES["upload"])
    assert keys(dag_run.returned["batch", -1]) == {**keys(SHAPES["batch"]), "causes": None}
    assert keys(dag_run.returned["batch_of_a_list", -1]["pictures"][0]) == keys(SHAPES["row"])
    fared = keys(dag_run.returned["how_it_fared", -1])
    assert fared["channels"].items() >= keys(SHAPES["status"])["channels"].items()
    assert {**fared, "channels": None} == {**keys(SHAPES["status"]), "channels": None}
    pushed = {sent["msg_id"]: sent["body"]["body"]["options"] for sent in sandbox.received()["pushes"]}
    for task_id in ("push", "push_or_text"):
        oppo = pushed[dag_run.returned[task_id, -1]]["third_party_channel"]["oppo"]
        assert {"style": 3, **dag_run.returned["upload", -1]} == oppo | {"uploaded_at": ANY}
    assert pushed[dag_run.returned["push_again", -1]]["cid"].startswith("spring-2")
    assert keys(pushed[dag_run.returned["push", -1]]) == keys(SHAPES["push"]["body"]["options"])


WHOLE_DAGS = {
    **dict.fromkeys(["evening_push", "run_at_scale", "upload_campaign", "upload_many", "use_the_hook"], True),
    "wait_for_pictures": True,
    "check_connection": False,
    "check_in_a_dag": False,
}
"""The DAGs that guides start with, and whether they upload."""


@pytest.mark.parametrize("name", WHOLE_DAGS)
@pytest.mark.usefixtures("airflow_db", "connect")
def test_whole_dag_runs(name: str, sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    big = host.serve("/big.jpg", artwork.good("big", "JPEG"))
    for days in (-1, 0, 1):  # the test may run at midnight
        day = datetime.datetime.now(ZoneInfo("Asia/Shanghai")).date() + datetime.timedelta(days)
        host.serve(f"/{day}.jpg", artwork.good("big", "JPEG"))
    manifest = tmp_path / "night.csv"
    manifest.write_text(f"name,big_picture_url\nspring,{big}\n")
    pictures = {"big": big, "small": host.serve("/small.png", artwork.good("small"))}
    conf = {**pictures, "manifest": str(manifest), "folder": host.base_url, "pictures": [{"big_picture_url": big}]}
    assert run_file(SNIPPETS / f"{name}.py", name, conf).state == "success"
    assert bool(sandbox.received()["uploads"]) == WHOLE_DAGS[name]
    assert not sandbox.received()["pushes"]


def test_upload_event_matches_docs() -> None:
    from airflow_provider_oppo_image.airflow_compat import Asset

    asset = Asset("oppo-image://campaigns/spring")
    events = OutletEvents()
    report = PictureReport("big", "https://cdn.example.com/big.jpg", "ready", sha256="0" * 64)
    announce_uploads(
        cast("Any", {"outlet_events": events}),
        [asset],
        result=upload_result({"big": "id"}, "2026-11-24T22:38:56+00:00"),
        urls={"big": PictureUrl.parse(report.url + "?signature")},
        reports={"big": report},
    )
    assert keys(events[asset].extra) == keys(SHAPES["event"])
    assert "signature" not in str(events[asset].extra)


@pytest.mark.usefixtures("connect")
def test_watched_picture_event_matches_docs(host: PictureHost) -> None:
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger

    url = change_after(
        host, "/big.jpg", 1, lambda: host.status("/big.jpg", 404), lambda: host.serve("/big.jpg", artwork.good("big"))
    )

    trigger = OppoImageEventTrigger(big_picture_url=url, poke_interval=0.1)
    event = asyncio.run(asyncio.wait_for(anext(trigger.run()), 10))
    assert keys(event.payload) == keys(SHAPES["watched"])


def test_retry_policy_task_imports_on_airflow_3_3() -> None:
    if not HAS_RETRY_POLICIES:
        pytest.skip("tasks have a retry policy since Airflow 3.3")
    from tests.docs.snippets import retry_policy

    [task] = retry_policy.dag.tasks
    assert task.has_retry_policy


def test_typed_decorator_makes_task() -> None:
    from airflow import DAG

    from tests.docs.snippets import taskflow

    with DAG("typed", schedule=None) as dag:
        taskflow.upload("spring", version=2)
    [task] = dag.tasks
    assert (task.task_id, task.retries) == ("upload", 3)


def test_watching_dag_imports_on_airflow_3() -> None:
    if airflow_version().startswith("2."):
        pytest.skip("Airflow 2 has no AssetWatcher")
    from tests.docs.snippets import watch_pictures

    [watcher] = watch_pictures.BANNER.watchers
    path, arguments = watcher.trigger.serialize()
    assert path == "airflow_provider_oppo_image.triggers.oppo_image.OppoImageEventTrigger"
    assert arguments["big_picture_url"] == watch_pictures.BIG_PICTURE_URL
    assert watch_pictures.dag.task_ids == ["upload"]


def test_check_snippet_prints_advice(tmp_path: Path) -> None:
    assert [line.partition(":")[0] for line in what_is_wrong("http://127.0.0.1/big.png")] == ["address_refused"]
    small = tmp_path / "small.png"
    small.write_bytes(artwork.good("small"))
    assert is_ready(str(small))


@pytest.mark.usefixtures("airflow_db", "connect")
def test_artwork_is_made_ready_and_uploaded(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> None:
    art = tmp_path / "art.png"
    art.write_bytes(artwork.png(1500, 900))
    made = prepare("big", art.read_bytes(), Layout(focus=(0.5, 0.3))).body
    host.serve("/big.png", made)
    conf = {"art": str(art), "folder": str(tmp_path), "cdn": host.base_url}
    dag_run = run_file(SNIPPETS / "prepare_artwork.py", "prepare_artwork", conf)
    assert dag_run.state == "success"
    assert (tmp_path / "big.png").read_bytes() == made
    assert [entry["kind"] for entry in sandbox.received()["uploads"]] == ["big"]
    assert {path.name for path in tmp_path.iterdir()} == {"art.png", "big.png", "spring.png", "summer.png"}
    assert check_bytes("small", make_small(art), "made").state == "ready"


def test_slack_message_has_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a notifier in place of the provider's, which is not installed."""
    module, notifier = "airflow.providers.slack.notifications.slack_webhook", Mock()
    for name in ("airflow.providers.slack", "airflow.providers.slack.notifications", module):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[module], "SlackWebhookNotifier", notifier, raising=False)
    monkeypatch.syspath_prepend(ROOT / "example_dags")
    from tests.docs.snippets.slack_failures import send_to_slack

    report = check_bytes("big", artwork.jpeg(876, 324), "https://cdn.example.com/big.jpg?a<b").to_dict()
    context = {"exception": PictureWrongError("It is < 984 px.", reports=[report])}
    send_to_slack(context)
    [message] = [call.kwargs["text"] for call in notifier.call_args_list]
    assert message.startswith("It is &lt; 984 px.\n")
    assert "876 x 324 px" in message
    notifier.return_value.notify.assert_called_once_with(context)
