"""The connection's fields in one table: the forms that both Airflows draw, and the settings that are read.

The AppKey is the connection's login and the master secret its password, and nowhere else.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from airflow_provider_oppo_image.contract import DATA_CENTERS, DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError

_HOST: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(?::(?P<port>[0-9]{1,5}))?/*", re.IGNORECASE
)
_LABEL: Final = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def base_url(
    host: str | None, port: int | None, schema: str | None, data_center: str, *, allow_plain_http: bool = False
) -> str:
    """Return where the service is.

    https unless said otherwise; plain http, which shows the master secret to the network, only to this machine or
    where it is allowed.

    :param host: a host name or address in ASCII, with or without scheme and port; empty means the data centre's.
    :param port: a port; None and 0 mean none (Airflow's form stores 0 for an empty field). One in the host wins.
    :param schema: "http", "https" or empty; one in the host wins.
    :param data_center: a name from `contract.DATA_CENTERS`.
    :param allow_plain_http: whether plain http may go to another machine.
    :return: scheme, host and, where it is not the scheme's own, port; no trailing slash.
    :raises ConfigurationError: if these do not make a base URL.
    """
    host = (host or "").strip()
    if not host:
        return DATA_CENTERS[data_center]
    parts = _HOST.fullmatch(f"[{host}]" if isinstance(_address(host), ipaddress.IPv6Address) else host)
    name = parts["name"].lower() if parts else ""
    if not parts or not _is_name(name):
        # The host is not repeated: a password may be part of it.
        raise ConfigurationError(
            "The connection's host is no host name or address, with or without http:// or https:// and a port. Give "
            f"one such as {DATA_CENTERS[DEFAULT_DATA_CENTER]}, or leave it empty and choose a data centre."
        )
    scheme = (parts["scheme"] or (schema or "").strip() or "https").lower()
    if scheme not in _USUAL_PORTS:
        raise ConfigurationError("The connection's schema must be https, http or empty.")
    if scheme == "http" and not (_is_this_machine(name) or allow_plain_http):
        raise ConfigurationError(
            f"The connection's host {name!r} is asked for over plain http, which would show the master secret to the "
            "network. Use https, or set allow_plain_http in the connection's extra."
        )
    chosen_port = int(parts["port"] or 0) or port or _USUAL_PORTS[scheme]
    if not 1 <= chosen_port <= 65_535:
        raise ConfigurationError("The connection's port must be a number from 1 to 65535, or empty.")
    return f"{scheme}://{name}" + ("" if chosen_port == _USUAL_PORTS[scheme] else f":{chosen_port}")


def _is_name(name: str) -> bool:
    if name.startswith("["):
        return isinstance(_address(name[1:-1]), ipaddress.IPv6Address)
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.removesuffix(".").split(".")))


def _is_this_machine(name: str) -> bool:
    address = _address(name.strip("[]"))
    return address.is_loopback if address else name == "localhost"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


CONN_TYPE: Final = "oppo_image"
HOOK_NAME: Final = "OPPO pictures (EngageLab)"
DEFAULT_CONN_ID: Final = "oppo_image_default"

Value: TypeAlias = str | float | bool


@dataclass(frozen=True)
class Field:
    """One field of the connection's extra.

    :param name: its key in the connection's extra.
    :param label: what a form calls it.
    :param description: what a form says about it.
    :param kind: "choice", "seconds", "flag" or "text".
    :param default: what an unset field means.
    :param choices: the values of a choice, and what a form calls each.
    :param minimum: the least number of seconds, inclusive.
    :param maximum: the most seconds, inclusive.
    """

    name: str
    label: str
    description: str
    kind: Literal["choice", "seconds", "flag", "text"]
    default: Value
    choices: Mapping[str, str] = field(default_factory=dict)
    minimum: float = 0.1
    maximum: float = 3600.0

    def json_schema(self) -> dict[str, Any]:
        """Return the field's JSON schema as Airflow 3 draws it; "null" is what an untouched field is stored as."""
        if self.kind == "choice":
            shown = {"enum": list(self.choices), "values_display": dict(self.choices)}
            return {"type": ["string", "null"], "default": self.default, **shown}
        if self.kind == "seconds":
            limits = {"minimum": self.minimum, "maximum": self.maximum}
            return {"type": ["number", "null"], "default": self.default, **limits}
        return {"type": ["boolean" if self.kind == "flag" else "string", "null"], "default": self.default}

    def parse(self, value: Any) -> Value:
        """Read a stored value; a connection that came as a URI has strings for everything.

        :param value: what the connection's extra holds; None and "" mean unset.
        :raises ConfigurationError: if the value is none that the field takes.
        """
        if value is None or value == "":
            return self.default
        if self.kind == "flag":
            # The Test button of Airflow 2's form sends "y".
            flags = {"true": True, "1": True, "y": True, "false": False, "0": False}
            if (flag := flags.get(str(value).strip().lower())) is not None:
                return flag
            raise self._wrong(value, "true or false")
        if self.kind == "seconds":
            return self._seconds(value)
        if not isinstance(value, str):
            raise self._wrong(value, "text")
        if self.choices and value not in self.choices:
            raise self._wrong(value, "one of " + ", ".join(self.choices))
        return value

    def _seconds(self, value: Any) -> float:
        try:
            seconds = float(value) if not isinstance(value, bool) else -1.0
        except (TypeError, ValueError, OverflowError):
            seconds = -1.0
        if not self.minimum <= seconds <= self.maximum:
            raise self._wrong(value, f"a number of seconds from {self.minimum:g} to {self.maximum:g}")
        return seconds

    def _wrong(self, value: Any, expected: str) -> ConfigurationError:
        return ConfigurationError(
            f"The connection's {self.name!r} is {str(value)[:80]!r}; it must be {expected}. Mend it in the "
            "connection's extra, or leave it out."
        )


FIELDS: Final = (
    Field(
        "data_center", "Data centre", "Where the EngageLab app lives. Not used where a host is given.",
        "choice", DEFAULT_DATA_CENTER,
        choices={
            name: f"{name.replace('_', ' ').title()} ({urlsplit(url).hostname})" for name, url in DATA_CENTERS.items()
        },
    ),
    Field("connect_timeout", "Connect timeout (s)", "Seconds to reach a host.", "seconds", 10.0),
    Field("read_timeout", "Read timeout (s)", "Seconds without a byte from a host.", "seconds", 30.0),
    Field(
        "total_timeout", "Total timeout (s)", "Seconds for one attempt of a call, or one look at a picture.",
        "seconds", 60.0,
    ),
    Field(
        "retry_budget", "Retry budget (s)",
        "Seconds within which a call that failed for a passing reason is tried again; 0: not at all, Airflow's own "
        "retries remain.",
        "seconds", 120.0, minimum=0.0,
    ),
    Field(
        "allow_private_addresses", "Allow private addresses",
        "Let picture URLs lead to private and loopback addresses: for a sandbox or a private CDN.", "flag", False,
    ),
    Field(
        "allow_plain_http", "Allow plain http to the service",
        "Send the master secret without TLS to a host that is not this machine: for a sandbox elsewhere.",
        "flag", False,
    ),
    Field(
        "cid_namespace", "Push namespace",
        "Goes into each push's cid: give staging and production on one AppKey different ones, or one's push can "
        "swallow the other's.",
        "text", "",
    ),
)  # fmt: skip

# The Test button of Airflow 2's form sends each field under a second name as well.
_KNOWN_KEYS: Final = {name for entry in FIELDS for name in (entry.name, f"extra__{CONN_TYPE}__{entry.name}")}

LABELS: Final = {"login": "AppKey", "password": "Master secret", "host": "Host (instead of a data centre)"}
PLACEHOLDERS: Final = {
    "login": "the app's AppKey, from EngageLab's console",
    "password": "the app's master secret",
    "host": "empty, or https://pushapi-sgp.engagelab.com",
    "port": "443: with an empty port, Airflow 3.3.2's Test button fails",
}
HIDDEN: Final = ("schema", "extra")


def form_for_airflow_3() -> dict[str, Any]:
    """Return the form as provider info describes it to Airflow 3."""
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
    """What is read of an Airflow connection: text or None each, and the port a number or None."""

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
    """A connection, read and checked.

    :param app_key: the AppKey.
    :param master_secret: the master secret; not in `repr`.
    :param base_url: scheme, host and port of the service, without a trailing slash.
    :param connect_timeout: seconds to reach a host.
    :param read_timeout: seconds without a byte from a host.
    :param total_timeout: seconds for one attempt.
    :param retry_budget: seconds within which a call is tried again; 0 means one attempt.
    :param allow_private_addresses: whether picture URLs may lead to private and loopback addresses.
    :param cid_namespace: goes into each push's `cid`.
    :param unknown_keys: keys of the extra that mean nothing here, to be named in a warning.
    """

    app_key: str
    master_secret: str = field(repr=False)
    base_url: str
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    retry_budget: float
    allow_private_addresses: bool
    cid_namespace: str
    unknown_keys: tuple[str, ...] = ()


def read_settings(connection: ConnectionLike) -> Settings:
    """Read an Airflow connection.

    :param connection: an Airflow connection of type ``oppo_image``.
    :raises ConfigurationError: if it is of another type, lacks the AppKey or the master secret, or holds a value that
        its field does not take; the message never holds the secret.
    """
    try:
        return _read_settings(connection)
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    # Tools for error reports show the local variables of each frame, and a connection shows its password.
    del connection
    raise failure


def _read_settings(connection: ConnectionLike) -> Settings:
    name = connection.conn_id or "(no id)"
    if (connection.conn_type or "").replace("-", "_") != CONN_TYPE:
        raise ConfigurationError(
            f"Connection {name!r} is of type {connection.conn_type!r}; it must be {CONN_TYPE!r}. Choose "
            f"{HOOK_NAME!r} as its type."
        )
    if not (connection.login or "").strip():
        raise ConfigurationError(f"Connection {name!r} has no AppKey. Put the app's AppKey into its login.")
    if not (connection.password or "").strip():
        raise ConfigurationError(
            f"Connection {name!r} has no master secret. Put the app's master secret into its password."
        )
    extra = _read_extra(name, connection.extra)
    values = {entry.name: entry.parse(extra.get(entry.name)) for entry in FIELDS}
    data_center = str(values.pop("data_center"))
    allow_plain_http = bool(values.pop("allow_plain_http"))
    return Settings(
        app_key=(connection.login or "").strip(),
        master_secret=(connection.password or "").strip(),
        base_url=base_url(
            connection.host, connection.port, connection.schema, data_center, allow_plain_http=allow_plain_http
        ),
        unknown_keys=tuple(sorted(extra.keys() - _KNOWN_KEYS)),
        **values,  # type: ignore[arg-type]  # the table gives each field its kind
    )


def _read_extra(name: str, text: str | None) -> Mapping[str, Any]:
    found = "no JSON object"
    try:
        extra = json.loads(text or "{}")
    except (ValueError, RecursionError):
        extra, found = None, "not JSON"
    if not isinstance(extra, dict):
        raise ConfigurationError(
            f"Connection {name!r} has an extra that is {found}. Write an object such as "
            f'{{"data_center": "{DEFAULT_DATA_CENTER}"}}, or leave it empty.'
        )
    return extra
