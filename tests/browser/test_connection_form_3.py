"""Somebody sets the connection up by clicking in Airflow 3, and a DAG works with what was saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from airflow_provider_oppo_image.connection import FIELDS, LABELS
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import free_port
from tests.browser.conftest import ADMIN
from tests.browser.connections_3 import EXTRA, ConnectionForm, ConnectionList, expect_to_be_whole
from tests.support import artwork
from tests.support.airflow_stack import AirflowStack
from tests.support.browser import Viewport, Windows, log_in_to_airflow_3
from tests.support.fault_server import FaultServer, stall
from tests.support.picture_host import PictureHost

TALL = Viewport(width=1100, height=1400)


@pytest.fixture
def connections(open_airflow: Callable[..., Page]) -> ConnectionList:
    return ConnectionList(open_airflow("/connections", TALL))


@pytest.fixture
def fill_in(sandbox: SandboxServer) -> Callable[..., None]:
    """Fill in the standard fields: with a connection to the sandbox, but for what is given; None leaves one empty."""

    def fill(form: ConnectionForm, **fields: str | None) -> None:
        usual = {"Host": sandbox.url, "AppKey": sandbox.options.app_key, "Port": "443"}
        usual["Master_secret"] = sandbox.options.master_secret
        form.fill(**{label: text for label, text in {**usual, **fields}.items() if text is not None})

    return fill


def test_form_fields_and_labels(
    connections: ConnectionList, keep_screenshot: Callable[[Page | Locator, str], None]
) -> None:
    form = connections.add("oppo_image_default")
    for label in LABELS.values():
        expect(form.field(label)).to_be_visible()
    expect(form.field("AppKey")).to_have_attribute("placeholder", "the app's AppKey, from EngageLab's console")
    expect(form.field("Port")).to_have_attribute(
        "placeholder", "443: with an empty port, Airflow 3.3.2's Test button fails"
    )
    expect(form.field("Schema")).to_have_count(0)
    form.fill(AppKey="5f3c0a91d27e4b68", Master_secret="a-master-secret", Port="443")
    keep_screenshot(form.dialog, "connection-form-airflow-3")

    form.show(EXTRA)
    for entry in FIELDS:
        expect(form.dialog.get_by_text(entry.label, exact=True)).to_be_visible()
        expect(form.dialog.get_by_text(entry.description, exact=True)).to_be_attached()
    keep_screenshot(form.dialog, "connection-extra-airflow-3")
    assert form.choices("Data center") == list(FIELDS[0].choices.values())


def test_untouched_form_is_saved_with_the_defaults(
    connections: ConnectionList,
    fill_in: Callable[..., None],
    airflow: AirflowStack,
    sandbox: SandboxServer,
    host: PictureHost,
) -> None:
    form = connections.add("clicked")
    fill_in(form)
    form.show(EXTRA)
    form.switch("Allow private addresses")
    form.save()
    assert connections.test("clicked") == ("green", "")
    assert pushed(airflow, sandbox, host, "clicked")


def test_emptied_fields_are_unset(
    connections: ConnectionList,
    fill_in: Callable[..., None],
    airflow: AirflowStack,
    sandbox: SandboxServer,
    host: PictureHost,
) -> None:
    form = connections.add("emptied")
    fill_in(form)
    form.show(EXTRA)
    form.clear("Data center")
    form.fill(**{entry.label: "" for entry in FIELDS if entry.kind == "number"})
    form.switch("Allow private addresses")
    stored = form.save()
    assert [name for name, value in stored.items() if value is None] == [
        entry.name for entry in FIELDS if entry.kind in ("choice", "number")
    ]
    assert connections.test("emptied") == ("green", "")
    assert pushed(airflow, sandbox, host, "emptied")


def test_changed_connection_keeps_its_secret(connections: ConnectionList, fill_in: Callable[..., None]) -> None:
    form = connections.add("changed")
    fill_in(form, AppKey="another-app-key")
    form.save()
    assert connections.test("changed")[0] == "red"
    form = connections.change("changed")
    fill_in(form, Master_secret=None)
    form.save()
    assert connections.test("changed") == ("green", "")


WRONG = {
    "a wrong secret": (
        {"Master_secret": "another-secret"},
        "Check the AppKey, the master secret and the data center in the Airflow connection.",
    ),
    "no secret": (
        {"Master_secret": None},
        "The connection has no master secret.",
    ),
    "a host that is none": ({"Host": "a b"}, "The connection's host is not valid"),
    "a host that nobody listens at": (
        {"Host": f"http://127.0.0.1:{free_port()}"},
        "(Connection refused), so nothing was sent. Check the host in the connection",
    ),
    # A fault of Airflow 3.3.2, which the form's words warn of.
    "an empty port": ({"Port": None}, "Bad Request"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_test_button_shows_the_problem(
    wrong: str,
    connections: ConnectionList,
    fill_in: Callable[..., None],
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    fields, words = WRONG[wrong]
    conn_id = wrong.replace(" ", "-")
    form = connections.add(conn_id)
    fill_in(form, **fields)
    form.save()
    colour, said = connections.test(conn_id)
    assert colour == "red"
    assert words in said
    expect_to_be_whole(connections.refusal)
    if wrong == "a wrong secret":
        keep_screenshot(connections.refusal, "connection-test-airflow-3")


def test_test_button_with_an_unreachable_host(connections: ConnectionList, fill_in: Callable[..., None]) -> None:
    with FaultServer(stall) as silent:
        form = connections.add("silent")
        fill_in(form, Host=silent.url)
        form.show(EXTRA)
        form.field("Read timeout").fill("0.5")
        form.save()
        assert "0.5 s without a byte" in connections.test("silent")[1]


def test_test_button_names_the_invalid_field(connections: ConnectionList) -> None:
    fields = {"login": "an-app-key", "password": "a-secret", "port": 443, "extra": '{"data_center": "mars"}'}
    stored = connections.page.request.post(
        "/api/v2/connections", data={"connection_id": "mars", "conn_type": "oppo_image", **fields}
    )
    assert stored.ok
    connections.page.reload()
    colour, said = connections.test("mars")
    assert colour == "red"
    assert "The connection's 'data_center' must be one of singapore" in said
    expect_to_be_whole(connections.refusal)


@pytest.fixture
def airflow_without_tests(airflow: AirflowStack) -> Iterator[AirflowStack]:
    """An Airflow that is set as it comes: nobody may test connections."""
    with AirflowStack(airflow.home, {}, users=(ADMIN,), components=("api-server",)) as stack:
        yield stack


def test_test_button_if_tests_are_disabled(
    windows: Windows, airflow_without_tests: AirflowStack, fill_in: Callable[..., None]
) -> None:
    page = windows.open(airflow_without_tests.url)
    log_in_to_airflow_3(page, ADMIN.name, ADMIN.name)
    page.goto("/connections")
    connections = ConnectionList(page)
    form = connections.add("untested")
    fill_in(form)
    form.save()
    button = connections.test_button("untested")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_name(re.compile("feature is disabled. Please contact an administrator"))


def pushed(airflow: AirflowStack, sandbox: SandboxServer, host: PictureHost, conn_id: str) -> bool:
    """Run a campaign's DAG with a connection, and tell whether the service had its push."""
    picture = host.serve("/big.png", artwork.good("big"))
    run = airflow.trigger("one_campaign", {"big_picture_url": picture, "connection": conn_id})
    return airflow.wait_for(run) == "success" and len(sandbox.received()["pushes"]) == 1
