from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.connection import (
    FIELDS,
    HIDDEN,
    PLACEHOLDERS,
    Field,
    Settings,
    describe_unknown_keys,
    form_for_airflow_3,
    read_settings,
)
from airflow_provider_oppo_image.contract import DATA_CENTERS
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.deadline import TransportOptions
from airflow_provider_oppo_image.net.urls import base_url

SECRET = "s3cret-of-the-app"


@dataclass
class Connection:
    """A valid connection, except for the fields that a test changes."""

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


def error_of(extra: Any = None, **fields: Any) -> str:
    """Return the error message of an invalid connection."""
    with pytest.raises(ConfigurationError) as caught:
        read(extra, **fields)
    assert caught.value.permanent
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_settings_have_defaults() -> None:
    assert read() == Settings(
        app_key="key",
        master_secret=SECRET,
        base_url="https://pushapi-sgp.engagelab.com",
        transport_options=TransportOptions(10.0, 30.0, 60.0),
        retry_budget=120.0,
        rate=450.0,
        allow_private_addresses=False,
        cid_namespace="",
        unknown_keys=(),
    )


def test_settings_repr_has_no_secret() -> None:
    assert SECRET not in repr(read())


def test_credentials_are_stripped() -> None:
    settings = read(login=" key\n", password=f"\t{SECRET} \n")
    assert (settings.app_key, settings.master_secret) == ("key", SECRET)


@pytest.mark.parametrize("login", [None, "", "  "])
def test_app_key_is_required(login: str | None) -> None:
    assert "'mine' has no AppKey" in error_of(login=login)


@pytest.mark.parametrize("password", [None, "", "  "])
def test_master_secret_is_required(password: str | None) -> None:
    assert "'mine' has no master secret" in error_of(password=password)


@pytest.mark.parametrize("conn_type", ["http", "oppo"])
def test_other_connection_type_is_refused(conn_type: str) -> None:
    assert f"the type 'oppo_image', not {conn_type!r}" in error_of(conn_type=conn_type)


def test_connection_type_may_have_hyphen() -> None:
    assert read(conn_type="oppo-image").app_key == "key"


@pytest.mark.parametrize(
    "extra", ["{", "{'a': 1}", "data_center=japan", "[" * 100_000, "9" * 5_000, ["japan"], "5", '"japan"', "null"]
)
def test_extra_must_be_json_object(extra: Any) -> None:
    assert "JSON object" in error_of(extra)


@pytest.mark.parametrize("conn_type", ["", None])
def test_uri_with_an_underscore_is_explained(conn_type: str | None) -> None:
    with pytest.raises(ConfigurationError, match="write oppo-image://"):
        read(conn_type=conn_type, login=None, password=None)


def test_british_spelling_is_accepted() -> None:
    assert read({"data_centre": "japan"}) == read({"data_center": "japan"})
    assert read({"data_centre": "japan", "data_center": "brazil"}).unknown_keys == ("data_centre",)


def test_unknown_keys_are_collected_and_described() -> None:
    settings = read({"datacenter": "japan", "x": 5, "Read-Timeout": 3, "read_timeout": 5})
    assert settings.unknown_keys == ("Read-Timeout", "datacenter", "x")
    assert describe_unknown_keys(settings.unknown_keys) == (
        "'Read-Timeout' (did you mean 'read_timeout'?), 'datacenter' (did you mean 'data_center'?), 'x'"
    )
    assert settings.transport_options.read_timeout == 5.0


@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_value_means_default(nothing: str | None) -> None:
    assert read({entry.name: nothing for entry in FIELDS}) == read()


def test_text_values_are_parsed() -> None:
    settings = read(
        {"connect_timeout": "1", "read_timeout": "2.5", "total_timeout": " 9 ", "retry_budget": "0", "rate": "2e3",
         "allow_private_addresses": "True", "cid_namespace": "staging", "data_center": "japan"}
    )  # fmt: skip
    assert settings == Settings(
        app_key="key",
        master_secret=SECRET,
        base_url=DATA_CENTERS["japan"],
        transport_options=TransportOptions(1.0, 2.5, 9.0),
        retry_budget=0.0,
        rate=2000.0,
        allow_private_addresses=True,
        cid_namespace="staging",
    )


@pytest.mark.parametrize("name", DATA_CENTERS)
def test_data_center_sets_base_url(name: str) -> None:
    assert read({"data_center": name}).base_url == DATA_CENTERS[name]


@pytest.mark.parametrize("value", ["mars", "Japan", 5, ["japan"], {}])
def test_data_center_must_be_known(value: Any) -> None:
    message = error_of({"data_center": value})
    assert f"not {str(value)!r}" in message
    assert not isinstance(value, str) or all(name in message for name in DATA_CENTERS)


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "total_timeout"])
@pytest.mark.parametrize("value", [0, 0.09, -1, 3600.1, "soon", "nan", "inf", True, False, [5], {}, 10**400])
def test_invalid_seconds_are_refused(name: str, value: Any) -> None:
    message = error_of({name: value})
    assert repr(name) in message
    assert "from 0.1 to 3600" in message


@pytest.mark.parametrize("value", [0.1, 3600, "3600"])
def test_limits_of_seconds_are_inclusive(value: Any) -> None:
    assert read({"read_timeout": value}).transport_options.read_timeout == float(value)


def test_retry_budget_may_be_zero() -> None:
    assert read({"retry_budget": 0}).retry_budget == 0.0
    assert "from 0 to 3600" in error_of({"retry_budget": -0.1})


def test_rate_has_no_maximum() -> None:
    assert read({"rate": 10**6}).rate == 1e6
    assert "maximum" not in form_for_airflow_3()["conn-fields"]["rate"]["schema"]
    for value in (0.99, -1, "nan", "inf", 10**400, True):
        assert "number of requests per second of at least 1" in error_of({"rate": value})


@pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), ("TRUE", True), ("0", False), (1, True)])
def test_flag_is_parsed(value: Any, flag: bool) -> None:
    assert read({"allow_private_addresses": value}).allow_private_addresses is flag


@pytest.mark.parametrize("value", ["yes", "on", 2, [], {}, "tru"])
def test_invalid_flag_is_refused(value: Any) -> None:
    assert "true or false" in error_of({"allow_private_addresses": value})


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_text_field_must_be_text(value: Any) -> None:
    assert "must be text" in error_of({"cid_namespace": value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(FIELDS), json_values)
def test_field_parses_or_refuses_any_value(entry: Field, value: Any) -> None:
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


def test_allow_plain_http_is_applied() -> None:
    settings = read({"allow_plain_http": True}, host="sandbox.example", schema="http")
    assert settings.base_url == "http://sandbox.example"


def test_keys_of_airflow_2_test_button_are_known() -> None:
    settings = read({"allow_private_addresses": "y", "extra__oppo_image__allow_private_addresses": "y"})
    assert settings.allow_private_addresses
    assert not settings.unknown_keys


def test_form_has_all_fields() -> None:
    fields = form_for_airflow_3()["conn-fields"]
    assert list(fields) == [entry.name for entry in FIELDS]
    for entry in FIELDS:
        assert fields[entry.name]["schema"]["default"] == entry.default
        assert fields[entry.name]["label"] == entry.label


def test_form_shows_port() -> None:
    # Airflow 3.3.2 can only test a stored connection with a port from its form.
    assert "port" not in HIDDEN
    assert "443" in PLACEHOLDERS["port"]


def test_form_labels_data_centers() -> None:
    schema = form_for_airflow_3()["conn-fields"]["data_center"]["schema"]
    assert schema["values_display"].keys() == set(schema["enum"])
    assert schema["values_display"]["hong_kong"] == "Hong Kong (pushapi-hk.engagelab.com)"


def test_form_has_no_secret_field() -> None:
    for entry in FIELDS:
        assert not {"secret", "token", "password", "api_key"} & set(entry.name.split("_"))


@pytest.mark.parametrize("wrong", [{"conn_type": "http"}, {"login": ""}, {"host": "no host"}, {"extra": "no JSON"}])
def test_error_traceback_has_no_secret(wrong: dict[str, Any]) -> None:
    connection = Connection(**wrong)
    assert SECRET in repr(connection)
    with pytest.raises(ConfigurationError) as caught:
        read_settings(connection)
    frames = [entry.frame for entry in caught.traceback[1:]]
    assert frames
    assert SECRET not in repr([frame.f_locals for frame in frames])


def url(host: str | None = None, port: int | None = None, schema: str | None = None, **allow: Any) -> str:
    return base_url(host, port, schema, "singapore", **allow)


@pytest.mark.parametrize(
    ("host", "port", "schema", "expected"),
    [(None, None, None, "https://pushapi-sgp.engagelab.com"),
     ("", 0, "", "https://pushapi-sgp.engagelab.com"), ("  ", 9, "http", "https://pushapi-sgp.engagelab.com"),
     ("push.api.engagelab.cc", None, None, "https://push.api.engagelab.cc"),
     ("https://push.api.engagelab.cc/", None, None, "https://push.api.engagelab.cc"),
     ("HTTPS://Push.API.EngageLab.cc", None, None, "https://push.api.engagelab.cc"),
     ("a.example", 443, None, "https://a.example"), ("a.example", 8443, "HTTPS", "https://a.example:8443"),
     ("a.example:9000", 8443, None, "https://a.example:9000"),
     ("a.example:0", 8443, None, "https://a.example:8443"),
     ("https://a.example", None, "http", "https://a.example"),
     ("a.example.", None, None, "https://a.example."), ("localhost", 8080, "http", "http://localhost:8080"),
     ("http://127.0.0.1:80", None, None, "http://127.0.0.1"),
     ("http://127.9.9.9", 8080, None, "http://127.9.9.9:8080"),
     ("http://[::1]:8080", None, None, "http://[::1]:8080"), ("::1", 8080, "http", "http://[::1]:8080"),
     ("2001:db8::1", None, None, "https://[2001:db8::1]")],
)  # fmt: skip
def test_base_url_of_host(host: str | None, port: int | None, schema: str | None, expected: str) -> None:
    assert url(host, port, schema) == expected


@pytest.mark.parametrize(
    "host",
    ["https://", "://a", "ftp://a.example", "a b", "a\nb", "https://a.example/v4", "a.example?x=1", "a.example#x",
     "https://key:hunter2@a.example", "hunter2@a.example", "a.example:port", "a.example:-1", "a.example:999999",
     "a..b", ".a", "-a.example", "a-.example", "x" * 64, ".".join(["x" * 60] * 5), "exämple.com", "[::1",
     "[fe80::1%lo]", "fe80::1%eth0", "1:2:3", "a\\b", "https://https://a", "a%2eb"],
)  # fmt: skip
def test_base_url_refuses_and_hides_invalid_host(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host is not valid") as caught:
        url(host)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("schema", ["ftp", "https://evil.example/?", "httpss"])
def test_base_url_refuses_other_scheme(schema: str) -> None:
    with pytest.raises(ConfigurationError, match="schema must be https, http or empty"):
        url("a.example", schema=schema)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_base_url_refuses_invalid_port(port: int) -> None:
    with pytest.raises(ConfigurationError, match="port must be a number from 1 to 65535"):
        url("a.example", port)


@pytest.mark.parametrize("host", ["a.example", "10.0.0.1", "localhost.example.com", "128.0.0.1", "[2001:db8::1]"])
def test_base_url_refuses_plain_http_unless_allowed(host: str) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        url(host, schema="http")
    with pytest.raises(ConfigurationError, match="plain http"):
        url(f"http://{host}")
    assert url(host, schema="http", allow_plain_http=True) == f"http://{host}"


hosts = st.text() | st.from_regex(r"(https?://)?[a-z0-9.:@/?#\[\]%_-]{1,30}(:[0-9]{1,6})?/?", fullmatch=True)
ports = st.none() | st.integers(-70_000, 140_000)
schemas = st.none() | st.text() | st.sampled_from(["http", "https", "HTTP", " https "])


@given(hosts, ports, schemas, st.booleans())
@example("https://a.example:443@evil.example", None, None, False)
@example("http://localhost@evil.example", None, None, False)
@example("127.0.0.1.evil.example", None, "http", False)
@example("evil.example", None, "http://localhost/?", False)
def test_base_url_is_clean_or_refused(host: str, port: int | None, schema: str | None, allow: bool) -> None:
    try:
        made = url(host, port, schema, allow_plain_http=allow)
    except ConfigurationError:
        return
    parts = urlsplit(made)
    name = parts.hostname or ""
    assert made == f"{parts.scheme}://{parts.netloc}"
    assert made.isascii()
    assert parts.scheme in ("http", "https")
    assert parts.username is None
    assert parts.port is None or 1 <= parts.port <= 65_535
    if host.strip():
        asked = host.strip().lower()
        assert name in asked or ipaddress.ip_address(name) == ipaddress.ip_address(asked.split("[")[-1].split("]")[0])
    else:
        assert made in DATA_CENTERS.values()
    if parts.scheme == "http" and not allow:
        assert name == "localhost" or ipaddress.ip_address(name).is_loopback
