"""Airflow 2's connection form. Airflow 3 uses the provider info, and skips the tests that need Airflow 2's form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID, FIELDS, read_settings
from airflow_provider_oppo_image.hooks.connection_form import behaviour_for_airflow_2, widgets_for_airflow_2
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook


def test_field_behaviour_matches_airflows_schema() -> None:
    behaviour = behaviour_for_airflow_2()
    file = Path(str(airflow.__file__)).parent / "customized_form_field_behaviours.schema.json"
    jsonschema.validate(behaviour, json.loads(file.read_text()))
    assert OppoImageHook.get_ui_field_behaviour() == behaviour
    assert behaviour["relabeling"]["password"] == "Master secret"
    assert "port" not in behaviour["placeholders"]
    # With a hidden extra, the Test button does nothing.
    assert behaviour["hidden_fields"] == ["schema", "port"]


@pytest.fixture
def form_class() -> Any:
    """Airflow's own form for connections, with the fields of all installed providers."""
    forms = pytest.importorskip("airflow.www.forms")
    return forms.create_connection_form_class()


@pytest.fixture
def fill(form_class: Any) -> Any:
    """Fill in the form, and return it."""
    import flask
    from werkzeug.datastructures import MultiDict

    app = flask.Flask("form")
    app.config.update(SECRET_KEY="x", WTF_CSRF_ENABLED=False)

    def fill(**fields: str) -> Any:
        given = {"conn_id": "mine", "conn_type": "oppo_image", "login": "key", "password": "a-secret"}
        given |= {f"extra__oppo_image__{name}": value for name, value in fields.items()}
        return form_class(MultiDict(given))

    with app.test_request_context():
        yield fill


def test_form_has_each_field(fill: Any) -> None:
    form = fill()
    for entry in FIELDS:
        field = form[f"extra__oppo_image__{entry.name}"]
        assert str(field.label.text) == entry.label
        assert entry.name in field()
        assert entry.description in field.description
        options = re.findall(r'<option (selected )?value="(\w+)">([^<]+)</option>', field())
        assert {value: words for _, value, words in options} == entry.choices


def test_stored_data_center_is_selected(fill: Any) -> None:
    def selected(data_center: str) -> list[str]:
        field = fill(data_center=data_center)["extra__oppo_image__data_center"]
        return re.findall(r'<option selected value="([^"]+)">', field())

    assert selected("japan") == ["japan"]
    assert selected("<mars>") == ["&lt;mars&gt;"]


def test_form_keeps_the_fields(form_class: Any) -> None:
    assert OppoImageHook.get_connection_form_widgets().keys() == {entry.name for entry in FIELDS}
    assert hasattr(form_class, "extra__oppo_image__data_center")


def test_untouched_form_has_the_defaults(form_class: Any, fill: Any) -> None:
    defaults = {name: form_class(None)[f"extra__oppo_image__{name}"].data for name in widgets_for_airflow_2()}
    sent = {name: str(value) for name, value in defaults.items() if value is not False}
    form = fill(**sent)
    assert form.validate(), form.errors
    assert settings_of(form) == settings_of(fill())


def test_filled_form_is_the_connection(fill: Any) -> None:
    form = fill(data_center="japan", read_timeout="2.5", retry_budget="0", allow_private_addresses="y")
    assert form.validate(), form.errors
    settings = settings_of(form)
    assert (settings.transport_options.read_timeout, settings.retry_budget, settings.allow_private_addresses) == (
        2.5,
        0.0,
        True,
    )
    assert settings.base_url == "https://pushapi-jpn.engagelab.com"


def test_form_refuses_unknown_data_center(fill: Any) -> None:
    form = fill(data_center="mars")
    assert not form.validate()
    assert list(form.errors) == ["extra__oppo_image__data_center"]


def settings_of(form: Any) -> Any:
    """Read the connection that Airflow creates from a form."""
    from airflow.models.connection import Connection

    stored = {name: form.data[f"extra__oppo_image__{name}"] for name in widgets_for_airflow_2()}
    extra = json.dumps({name: value for name, value in stored.items() if value != ""})
    return read_settings(Connection(DEFAULT_CONN_ID, "oppo_image", login="key", password="a-secret", extra=extra))
