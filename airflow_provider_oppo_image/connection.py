"""The fields of the Airflow connection in one table, its forms for Airflow 2 and 3, and its settings.

The AppKey is the connection's login, the master secret its password.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from airflow_provider_oppo_image.contract import DATA_CENTERS, DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.engagelab.rate_limiter import DEFAULT_RATE
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.deadline import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
from airflow_provider_oppo_image.net.urls import base_url

CONN_TYPE: Final = "oppo_image"
HOOK_NAME: Final = "OPPO pictures (EngageLab)"
DEFAULT_CONN_ID: Final = "oppo_image_default"

Value: TypeAlias = str | float | bool


@dataclass(frozen=True)
class Field:
    """One field of the connection's extra.

    :param name: its key in the extra.
    :param label: its label in a form.
    :param description: its description in a form.
    :param kind: "choice", "number", "flag" or "text".
    :param default: its value if it is not set.
    :param choices: the values of a choice, and the label of each.
    :param unit: the unit of a number, in the plural.
    :param minimum: the minimum of a number, inclusive.
    :param maximum: the maximum of a number, inclusive; infinite for none.
    """

    name: str
    label: str
    description: str
    kind: Literal["choice", "number", "flag", "text"]
    default: Value
    choices: Mapping[str, str] = field(default_factory=dict)
    unit: str = "seconds"
    minimum: float = 0.1
    maximum: float = 3600.0

    def json_schema(self) -> dict[str, Any]:
        """Return the field's JSON schema for Airflow 3, which stores null for a field that was not changed."""
        if self.kind == "choice":
            choices = {"enum": list(self.choices), "values_display": dict(self.choices)}
            return {"type": ["string", "null"], "default": self.default, **choices}
        if self.kind == "number":
            limits = {"minimum": self.minimum, **({} if math.isinf(self.maximum) else {"maximum": self.maximum})}
            return {"type": ["number", "null"], "default": self.default, **limits}
        return {"type": ["boolean" if self.kind == "flag" else "string", "null"], "default": self.default}

    def parse(self, value: Any) -> Value:
        """Parse a stored value; in a connection from a URI all values are strings.

        :param value: the value in the connection's extra; None and "" mean that it is not set.
        :raises ConfigurationError: if the value is not valid.
        """
        if value is None or value == "":
            return self.default
        if self.kind == "flag":
            # The Test button of Airflow 2's form sends "y".
            flags = {"true": True, "1": True, "y": True, "false": False, "0": False}
            if (flag := flags.get(str(value).strip().lower())) is not None:
                return flag
            raise self._error(value, "true or false")
        if self.kind == "number":
            return self._number(value)
        if not isinstance(value, str):
            raise self._error(value, "text")
        if self.choices and value not in self.choices:
            raise self._error(value, "one of " + ", ".join(self.choices))
        return value

    def _number(self, value: Any) -> float:
        try:
            number = float(value) if not isinstance(value, bool) else -1.0
        except (TypeError, ValueError, OverflowError):
            number = -1.0
        if math.isinf(number) or not self.minimum <= number <= self.maximum:
            limits = (
                f"of at least {self.minimum:g}"
                if math.isinf(self.maximum)
                else (f"from {self.minimum:g} to {self.maximum:g}")
            )
            raise self._error(value, f"a number of {self.unit} {limits}")
        return number

    def _error(self, value: Any, expected: str) -> ConfigurationError:
        return ConfigurationError(
            f"The connection's {self.name!r} must be {expected}, not {str(value)[:80]!r}. Correct or remove it in the "
            "connection's extra."
        )


FIELDS: Final = (
    Field(
        "data_center", "Data center", "The data center of the EngageLab app. Not used if a host is given.",
        "choice", DEFAULT_DATA_CENTER,
        choices={
            name: f"{name.replace('_', ' ').title()} ({urlsplit(url).hostname})" for name, url in DATA_CENTERS.items()
        },
    ),
    Field(
        "connect_timeout", "Connect timeout (s)", "Seconds to connect to a host.",
        "number", DEFAULT_TRANSPORT_OPTIONS.connect_timeout,
    ),
    Field(
        "read_timeout", "Read timeout (s)", "Seconds to wait for the next byte from a host.",
        "number", DEFAULT_TRANSPORT_OPTIONS.read_timeout,
    ),
    Field(
        "total_timeout", "Total timeout (s)", "Seconds for one attempt of a call, or for one check of a picture.",
        "number", DEFAULT_TRANSPORT_OPTIONS.total_timeout,
    ),
    Field(
        "retry_budget", "Retry budget (s)",
        "Seconds within which a call is retried after a temporary failure. 0: one attempt; Airflow's own retries still "
        "apply.",
        "number", 120.0, minimum=0.0,
    ),
    Field(
        "rate", "Rate (requests/s)",
        "Maximum number of requests per second of one task. The service allows an AppKey 500, uploads and pushes "
        "together; a paid AppKey may have more.",
        "number", DEFAULT_RATE, unit="requests per second", minimum=1.0, maximum=math.inf,
    ),
    Field(
        "allow_private_addresses", "Allow private addresses",
        "Allow picture URLs with private and loopback addresses, for a sandbox or a private CDN.", "flag", False,
    ),
    Field(
        "allow_plain_http", "Allow plain http to the service",
        "Send the master secret without TLS to a host that is not this machine, for a remote sandbox.", "flag", False,
    ),
    Field(
        "cid_namespace", "Push namespace",
        "Part of each push's cid. Use different ones for staging and production on one AppKey; otherwise the service "
        "can take a push of one for a repeat of the other's.",
        "text", "",
    ),
)  # fmt: skip

# The Test button of Airflow 2's form sends each field under a second name too.
_KNOWN_KEYS: Final = {name for entry in FIELDS for name in (entry.name, f"extra__{CONN_TYPE}__{entry.name}")}

LABELS: Final = {"login": "AppKey", "password": "Master secret", "host": "Host (instead of a data center)"}
PLACEHOLDERS: Final = {
    "login": "the app's AppKey, from EngageLab's console",
    "password": "the app's master secret",
    "host": "empty, or https://pushapi-sgp.engagelab.com",
    "port": "443: with an empty port, Airflow 3.3.2's Test button fails",
}
HIDDEN: Final = ("schema", "extra")


def form_for_airflow_3() -> dict[str, Any]:
    """Return the form of Airflow 3, for the provider info."""
    return {
        "ui-field-behaviour": {
            "hidden-fields": list(HIDDEN),
            "relabeling": dict(LABELS),
            "placeholders": dict(PLACEHOLDERS),
        },
        "conn-fields": {
            entry.name: {"label": entry.label, "description": entry.description, "schema": entry.json_schema()}
            for entry in FIELDS
        },
    }


class ConnectionLike(Protocol):
    """The attributes of an Airflow connection: each is text or None, the port is a number or None."""

    conn_id: Any
    conn_type: Any
    login: Any
    password: Any
    host: Any
    port: Any
    schema: Any
    extra: Any


@dataclass(frozen=True)
class Settings:
    """The validated settings of a connection.

    :param app_key: the AppKey.
    :param master_secret: the master secret; not in `repr`.
    :param base_url: scheme, host and port of the service, without a trailing slash.
    :param transport_options: options of the connections to the service and to the pictures' hosts.
    :param retry_budget: seconds within which a call is retried; 0 means one attempt.
    :param rate: maximum number of requests per second of one client; at least 1.
    :param allow_private_addresses: whether picture URLs may have private and loopback addresses.
    :param cid_namespace: part of each push's `cid`.
    :param unknown_keys: keys of the extra that are not known, for a warning.
    """

    app_key: str
    master_secret: str = field(repr=False)
    base_url: str
    transport_options: TransportOptions
    retry_budget: float
    rate: float
    allow_private_addresses: bool
    cid_namespace: str
    unknown_keys: tuple[str, ...] = ()


def read_settings(connection: ConnectionLike) -> Settings:
    """Read and validate an Airflow connection.

    :param connection: an Airflow connection of type ``oppo_image``.
    :raises ConfigurationError: if its type is wrong, the AppKey or the master secret is missing, or a value is not
        valid. The message does not contain the master secret.
    """
    try:
        return _read_settings(connection)
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    # Error trackers show the local variables of each frame, and a connection shows its password.
    del connection
    raise failure


def _read_settings(connection: ConnectionLike) -> Settings:
    name = connection.conn_id or "(no id)"
    if not connection.conn_type:
        raise ConfigurationError(
            f"Connection {name!r} has no type. If it is a URI, write oppo-image:// instead of oppo_image://, because a "
            f"scheme cannot contain an underscore. Otherwise set its conn_type to {CONN_TYPE!r}."
        )
    if connection.conn_type.replace("-", "_") != CONN_TYPE:
        raise ConfigurationError(
            f"Connection {name!r} must have the type {CONN_TYPE!r}, not {connection.conn_type!r}. Choose {HOOK_NAME!r} "
            "as its type."
        )
    if not (connection.login or "").strip():
        raise ConfigurationError(f"Connection {name!r} has no AppKey. Enter the app's AppKey as its login.")
    if not (connection.password or "").strip():
        raise ConfigurationError(
            f"Connection {name!r} has no master secret. Enter the app's master secret as its password."
        )
    extra = _read_extra(name, connection.extra)
    values = {entry.name: entry.parse(extra.get(entry.name)) for entry in FIELDS}
    data_center = str(values.pop("data_center"))
    allow_plain_http = bool(values.pop("allow_plain_http"))
    transport_options: Any = {option.name: values.pop(option.name) for option in fields(TransportOptions)}
    return Settings(
        app_key=(connection.login or "").strip(),
        master_secret=(connection.password or "").strip(),
        base_url=base_url(
            connection.host, connection.port, connection.schema, data_center, allow_plain_http=allow_plain_http
        ),
        transport_options=TransportOptions(**transport_options),
        unknown_keys=tuple(sorted(extra.keys() - _KNOWN_KEYS)),
        **values,  # type: ignore[arg-type]  # the table defines each field's type
    )


def _read_extra(name: str, text: str | None) -> Mapping[str, Any]:
    try:
        extra = json.loads(text or "{}")
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise ConfigurationError(
            f"Connection {name!r} must have a JSON object as its extra, such as "
            f'{{"data_center": "{DEFAULT_DATA_CENTER}"}}, or an empty extra.'
        )
    if "data_centre" in extra and "data_center" not in extra:
        extra["data_center"] = extra.pop("data_centre")
    return extra


def describe_unknown_keys(keys: Iterable[str]) -> str:
    """Return the names of unknown keys of the extra, each with the key that may be meant; "" for none.

    :param keys: `Settings.unknown_keys`.
    """
    words = []
    for key in keys:
        meant = difflib.get_close_matches(key.lower().replace("-", "_"), [entry.name for entry in FIELDS], n=1)
        words.append(f"{key[:80]!r} (did you mean {meant[0]!r}?)" if meant else repr(key[:80]))
    return ", ".join(words)
