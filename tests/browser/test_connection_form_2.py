"""The connection form of Airflow 2.11, and a DAG that uses the saved connection."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from airflow_provider_oppo_image.connection import FIELDS, LABELS
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import free_port
from tests.browser.connections_2 import ConnectionForm
from tests.support import artwork
from tests.support.airflow_2 import Airflow2
from tests.support.browser import Viewport, Windows
from tests.support.picture_host import PictureHost

TALL = Viewport(width=1100, height=1700)


@pytest.fixture
def page(windows: Windows, airflow_2: Airflow2, logged_in_2: StorageState) -> Page:
    return windows.open(airflow_2.url, TALL, logged_in_2)


@pytest.fixture
def fill_in(sandbox: SandboxServer) -> Callable[..., None]:
    """Fill in the standard fields: with a connection to the sandbox, but for what is given; None leaves one empty."""

    def fill(form: ConnectionForm, **fields: str | None) -> None:
        usual = {"Host": sandbox.url, "AppKey": sandbox.options.app_key}
        usual["Master_secret"] = sandbox.options.master_secret
        form.fill(**{label: text for label, text in {**usual, **fields}.items() if text is not None})

    return fill


def test_form_fields_and_labels(page: Page, keep_screenshot: Callable[[Page | Locator, str], None]) -> None:
    form = ConnectionForm.add(page, "oppo_image_default")
    for label in [*LABELS.values(), *(entry.label for entry in FIELDS)]:
        expect(form.field(label)).to_be_visible()
    for entry in FIELDS:
        expect(page.get_by_text(entry.description)).to_be_visible()
    expect(form.field("AppKey")).to_have_attribute("placeholder", "the app's AppKey, from EngageLab's console")
    for unused in ("Schema", "Port"):
        expect(form.field(unused)).to_be_hidden()
    assert form.field("Data center").get_by_role("option").all_inner_texts() == list(FIELDS[0].choices.values())
    form.fill(AppKey="5f3c0a91d27e4b68")
    keep_screenshot(page, "connection-form-airflow-2")


def test_saved_connection_works_in_a_dag(
    page: Page, fill_in: Callable[..., None], airflow_2: Airflow2, sandbox: SandboxServer, host: PictureHost
) -> None:
    form = ConnectionForm.add(page, "clicked")
    fill_in(form)
    form.field("Data center").select_option("Japan (pushapi-jpn.engagelab.com)")
    form.fill(Retry_budget="0", Read_timeout="")
    form.field("Allow private addresses").check()
    form.save()

    again = ConnectionForm.change(page, "clicked")
    expect(again.field("Data center")).to_have_value("japan")
    expect(again.field("Retry budget")).to_have_value("0")
    assert form.page.get_by_label("Allow private addresses").is_checked()

    conf = {"connection": "clicked", "big_picture_url": host.serve("/big.png", artwork.good("big"))}
    airflow_2.run("dags", "test", "one_campaign", "--conf", json.dumps(conf))
    assert len(sandbox.received()["pushes"]) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "accepts AppKey sandbox-app-key and its master secret."),
        ({"Master_secret": "another"}, "Check the AppKey, the master secret"),
        ({"Master_secret": None}, "The connection has no master secret."),
        ({"Host": f"http://127.0.0.1:{free_port()}"}, "(Connection refused), so nothing was sent."),
        ({"Read_timeout": "soon"}, "The connection's 'read_timeout' must be a number of seconds"),
    ],
    ids=["good", "a wrong secret", "no secret", "a host that nobody listens at", "a wrong value"],
)
def test_test_button_shows_the_result(
    fields: dict[str, str | None], words: str, page: Page, fill_in: Callable[..., None]
) -> None:
    form = ConnectionForm.add(page, "tested")
    form.field("Allow private addresses").check()
    fill_in(form, **fields)
    assert words in form.test()


def test_stored_connection_is_tested_with_a_new_secret(
    page: Page, fill_in: Callable[..., None], sandbox: SandboxServer
) -> None:
    form = ConnectionForm.add(page, "stored")
    fill_in(form)
    form.save()
    form = ConnectionForm.change(page, "stored")
    secret = form.field("Master secret")
    expect(secret).to_have_attribute(
        "placeholder", "the app's master secret; to test a stored connection, type it again"
    )
    assert "no master secret" in form.test()
    secret.fill(sandbox.options.master_secret)
    assert "accepts AppKey" in form.test()


def test_stored_connection_keeps_its_secret(
    page: Page, fill_in: Callable[..., None], airflow_2: Airflow2, sandbox: SandboxServer
) -> None:
    form = ConnectionForm.add(page, "kept")
    fill_in(form)
    form.save()
    form = ConnectionForm.change(page, "kept")
    form.fill(Description="saved again")
    form.save()
    [stored] = json.loads(airflow_2.run("connections", "get", "kept", "--output", "json"))
    assert (stored["description"], stored["password"]) == ("saved again", sandbox.options.master_secret)


def test_imported_budget_of_0_is_displayed_as_the_default(page: Page, airflow_2: Airflow2) -> None:
    # A fault of Airflow 2, which the documentation warns of.
    stored = {"conn_type": "oppo_image", "login": "key", "password": "secret", "extra": {"retry_budget": 0}}
    airflow_2.run("connections", "add", "zero", "--conn-json", json.dumps(stored))
    expect(ConnectionForm.change(page, "zero").field("Retry budget")).to_have_value("120")


def test_test_button_if_tests_are_disabled(windows: Windows, airflow_2: Airflow2, logged_in_2: StorageState) -> None:
    # Cookies do not know ports: who is logged in to one webserver is logged in to the other.
    page = windows.open(airflow_2.serve(CORE__TEST_CONNECTION="Disabled"), TALL, logged_in_2)
    form = ConnectionForm.add(page, "untested")
    expect(form.test_button).to_be_disabled()
    expect(form.test_button).to_have_attribute(
        "title", "Testing connections is disabled in Airflow configuration. Contact your deployment admin to enable it."
    )
