"""The form that Airflow 2 draws; Airflow 3 has none of what these tests import, and draws from the provider info."""

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


def test_what_the_form_hides_and_renames_is_what_airflow_takes() -> None:
    described = Path(str(airflow.__file__)).parent / "customized_form_field_behaviours.schema.json"
    jsonschema.validate(behaviour_for_airflow_2(), json.loads(described.read_text()))
    assert OppoImageHook.get_ui_field_behaviour() == behaviour_for_airflow_2()
    assert behaviour_for_airflow_2()["relabeling"]["password"] == "Master secret"


def test_the_port_is_not_asked_for_where_no_button_needs_it() -> None:
    behaviour = behaviour_for_airflow_2()
    assert "port" in behaviour["hidden_fields"]
    assert "port" not in behaviour["placeholders"]


def test_the_extra_is_shown_since_the_test_button_needs_it() -> None:
    assert "extra" not in behaviour_for_airflow_2()["hidden_fields"]


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


def test_airflow_draws_each_field_of_the_table(fill: Any) -> None:
    form = fill()
    for entry in FIELDS:
        field = form[f"extra__oppo_image__{entry.name}"]
        assert str(field.label.text) == entry.label
        assert entry.name in field()
        assert entry.description in field.description
        options = re.findall(r'<option (selected )?value="(\w+)">([^<]+)</option>', field())
        assert {value: words for _, value, words in options} == entry.choices


def test_the_stored_data_centre_is_chosen_even_one_that_is_none(fill: Any) -> None:
    def chosen(data_center: str) -> list[str]:
        field = fill(data_center=data_center)["extra__oppo_image__data_center"]
        return re.findall(r'<option selected value="([^"]+)">', field())

    assert chosen("japan") == ["japan"]
    assert chosen("<mars>") == ["&lt;mars&gt;"]


def test_no_other_provider_loses_its_fields_by_ours(form_class: Any) -> None:
    assert OppoImageHook.get_connection_form_widgets().keys() == {entry.name for entry in FIELDS}
    assert hasattr(form_class, "extra__oppo_image__data_center")


def test_an_untouched_form_is_a_good_connection_with_the_defaults(form_class: Any, fill: Any) -> None:
    drawn = {name: form_class(None)[f"extra__oppo_image__{name}"].data for name in widgets_for_airflow_2()}
    sent = {name: str(value) for name, value in drawn.items() if value is not False}
    form = fill(**sent)
    assert form.validate(), form.errors
    assert settings_of(form) == settings_of(fill())


def test_a_filled_form_is_the_connection_that_it_shows(fill: Any) -> None:
    form = fill(data_center="japan", read_timeout="2.5", retry_budget="0", allow_private_addresses="y")
    assert form.validate(), form.errors
    settings = settings_of(form)
    assert (settings.transport_options.read_timeout, settings.retry_budget, settings.allow_private_addresses) == (
        2.5,
        0.0,
        True,
    )
    assert settings.base_url == "https://pushapi-jpn.engagelab.com"


def test_the_form_refuses_an_unknown_data_centre(fill: Any) -> None:
    form = fill(data_center="mars")
    assert not form.validate()
    assert list(form.errors) == ["extra__oppo_image__data_center"]


def settings_of(form: Any) -> Any:
    """Read the connection that Airflow makes of a form."""
    from airflow.models.connection import Connection

    stored = {name: form.data[f"extra__oppo_image__{name}"] for name in widgets_for_airflow_2()}
    extra = json.dumps({name: value for name, value in stored.items() if value != ""})
    return read_settings(Connection(DEFAULT_CONN_ID, "oppo_image", login="key", password="a-secret", extra=extra))
