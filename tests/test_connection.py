"""The connection's one table, and what is read of connections that are good, odd or broken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.connection import (
    FIELDS,
    HIDDEN,
    PLACEHOLDERS,
    Field,
    Settings,
    form_for_airflow_3,
    read_settings,
)
from airflow_provider_oppo_image.contract import DATA_CENTERS
from airflow_provider_oppo_image.errors import ConfigurationError

SECRET = "s3cret-of-the-app"


@dataclass
class Connection:
    """A good connection, but for what a test changes."""

    conn_id: str | None = "mine"
    conn_type: str | None = "oppo_image"
    login: str | None = "key"
    password: str | None = SECRET
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    extra: str | None = None


def read(extra: Any = None, **fields: Any) -> Settings:
    return read_settings(Connection(extra=extra if isinstance(extra, str | None) else json.dumps(extra), **fields))


def mistake(extra: Any = None, **fields: Any) -> str:
    """Return what is said of a bad connection."""
    with pytest.raises(ConfigurationError) as caught:
        read(extra, **fields)
    assert caught.value.permanent
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


# Settings


def test_a_connection_needs_only_the_key_and_the_secret() -> None:
    assert read() == Settings(
        app_key="key",
        master_secret=SECRET,
        base_url="https://pushapi-sgp.engagelab.com",
        connect_timeout=10.0,
        read_timeout=30.0,
        total_timeout=60.0,
        retry_budget=120.0,
        allow_private_addresses=False,
        cid_namespace="",
        unknown_keys=(),
    )


def test_settings_show_no_secret() -> None:
    assert SECRET not in repr(read())


def test_blanks_around_the_key_and_the_secret_are_not_theirs() -> None:
    settings = read(login=" key\n", password=f"\t{SECRET} \n")
    assert (settings.app_key, settings.master_secret) == ("key", SECRET)


@pytest.mark.parametrize("login", [None, "", "  "])
def test_a_connection_without_a_key_is_refused(login: str | None) -> None:
    assert mistake(login=login) == "Connection 'mine' has no AppKey. Put the app's AppKey into its login."


@pytest.mark.parametrize("password", [None, "", "  "])
def test_a_connection_without_a_secret_is_refused(password: str | None) -> None:
    assert "'mine' has no master secret" in mistake(password=password)


@pytest.mark.parametrize("conn_type", ["http", "", None, "oppo"])
def test_a_connection_of_another_type_is_refused(conn_type: str | None) -> None:
    assert f"of type {conn_type!r}; it must be 'oppo_image'" in mistake(conn_type=conn_type)


def test_a_connections_type_may_be_written_as_in_a_uri() -> None:
    assert read(conn_type="oppo-image").app_key == "key"


@pytest.mark.parametrize("extra", ["{", "{'a': 1}", "data_center=japan", "[" * 100_000, "9" * 5_000])
def test_an_extra_that_is_not_json_is_refused(extra: str) -> None:
    assert "an extra that is not JSON" in mistake(extra)


@pytest.mark.parametrize("extra", [["data_center"], "5", '"japan"', "null"])
def test_an_extra_that_is_no_object_is_refused(extra: Any) -> None:
    assert "an extra that is no JSON object" in mistake(extra)


def test_an_unknown_key_is_named() -> None:
    settings = read({"data_centre": "japan", "timeout": 5, "read_timeout": 5})
    assert settings.unknown_keys == ("data_centre", "timeout")
    assert settings.read_timeout == 5.0


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_a_form_left_empty_is_unset(nothing: str | None) -> None:
    assert read({entry.name: nothing for entry in FIELDS}) == read()


def test_a_connection_from_a_uri_has_text_for_everything() -> None:
    settings = read(
        {"connect_timeout": "1", "read_timeout": "2.5", "total_timeout": " 9 ", "retry_budget": "0",
         "allow_private_addresses": "True", "cid_namespace": "staging", "data_center": "japan"}
    )  # fmt: skip
    assert settings == Settings(
        app_key="key",
        master_secret=SECRET,
        base_url=DATA_CENTERS["japan"],
        connect_timeout=1.0,
        read_timeout=2.5,
        total_timeout=9.0,
        retry_budget=0.0,
        allow_private_addresses=True,
        cid_namespace="staging",
    )


@pytest.mark.parametrize("name", DATA_CENTERS)
def test_each_data_centre_is_known_by_its_name(name: str) -> None:
    assert read({"data_center": name}).base_url == DATA_CENTERS[name]


@pytest.mark.parametrize("value", ["mars", "Japan", 5, ["japan"], {}])
def test_an_unknown_data_centre_is_refused(value: Any) -> None:
    words = mistake({"data_center": value})
    assert "'data_center'" in words
    assert "must be" in words


def test_an_unknown_data_centre_is_told_which_there_are() -> None:
    words = mistake({"data_center": "mars"})
    assert all(name in words for name in ("'mars'", *DATA_CENTERS))


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "total_timeout"])
@pytest.mark.parametrize("value", [0, 0.09, -1, 3600.1, "soon", "nan", "inf", True, False, [5], {}, 10**400])
def test_seconds_that_cannot_be_waited_are_refused(name: str, value: Any) -> None:
    assert f"The connection's {name!r} is" in mistake({name: value})
    assert "from 0.1 to 3600" in mistake({name: value})


@pytest.mark.parametrize("value", [0.1, 3600, "3600"])
def test_seconds_are_inclusive_of_their_limits(value: Any) -> None:
    assert read({"read_timeout": value}).read_timeout == float(value)


def test_a_budget_may_be_nothing_but_not_less() -> None:
    assert read({"retry_budget": 0}).retry_budget == 0.0
    assert "from 0 to 3600" in mistake({"retry_budget": -0.1})


@pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), ("TRUE", True), ("0", False), (1, True)])
def test_a_flag_is_read_in_the_usual_ways(value: Any, flag: bool) -> None:
    assert read({"allow_private_addresses": value}).allow_private_addresses is flag


@pytest.mark.parametrize("value", ["yes", "on", 2, [], {}, "tru"])
def test_a_flag_is_not_guessed(value: Any) -> None:
    assert "true or false" in mistake({"allow_private_addresses": value})


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_text_is_text(value: Any) -> None:
    assert "must be text" in mistake({"cid_namespace": value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(FIELDS), json_values)
def test_any_value_of_a_field_is_read_or_refused(entry: Field, value: Any) -> None:
    try:
        parsed = entry.parse(value)
    except ConfigurationError:
        return
    assert type(parsed) is type(entry.default)
    assert not entry.choices or parsed in entry.choices


@given(st.text())
def test_any_extra_is_read_or_refused(extra: str) -> None:
    try:
        read(extra)
    except ConfigurationError:
        return
    assert not extra or isinstance(json.loads(extra), dict)


def test_plain_http_is_allowed_by_a_field_of_its_own() -> None:
    settings = read({"allow_plain_http": True}, host="sandbox.example", schema="http")
    assert settings.base_url == "http://sandbox.example"


def test_what_the_test_button_of_airflow_2_sends_is_read_as_the_form_shows_it() -> None:
    settings = read({"allow_private_addresses": "y", "extra__oppo_image__allow_private_addresses": "y"})
    assert settings.allow_private_addresses
    assert not settings.unknown_keys


# The form


def test_the_form_is_the_table() -> None:
    fields = form_for_airflow_3()["conn-fields"]
    assert list(fields) == [entry.name for entry in FIELDS]
    for entry in FIELDS:
        assert fields[entry.name]["schema"]["default"] == entry.default
        assert fields[entry.name]["label"] == entry.label


def test_the_port_is_not_hidden() -> None:
    # Airflow 3.3.2 cannot test a stored connection without one from its form.
    assert "port" not in HIDDEN
    assert "443" in PLACEHOLDERS["port"]


def test_a_data_centre_is_chosen_by_words_and_its_host() -> None:
    schema = form_for_airflow_3()["conn-fields"]["data_center"]["schema"]
    assert schema["values_display"].keys() == set(schema["enum"])
    assert schema["values_display"]["hong_kong"] == "Hong Kong (pushapi-hk.engagelab.com)"


def test_no_field_of_the_form_holds_a_secret() -> None:
    for entry in FIELDS:
        assert not {"secret", "token", "password", "api_key"} & set(entry.name.split("_"))


@pytest.mark.parametrize("wrong", [{"conn_type": "http"}, {"login": ""}, {"host": "no host"}, {"extra": "no JSON"}])
def test_a_mistake_leaves_no_frame_that_holds_the_connection(wrong: dict[str, Any]) -> None:
    connection = Connection(**wrong)
    assert SECRET in repr(connection)
    with pytest.raises(ConfigurationError) as caught:
        read_settings(connection)
    frames = [entry.frame for entry in caught.traceback[1:]]
    assert frames
    assert SECRET not in repr([frame.f_locals for frame in frames])
