"""A connection that is not in Airflow yet, and the forms in which Airflow takes one. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, cast
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_oppo_image.connection import CONN_TYPE, ConnectionLike, Value, base_url, read_settings
from airflow_provider_oppo_image.contract import DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError

# Source: `sanitize_conn_id` in airflow/models/connection.py, 2.11.2 and 3.3.2.
_CONN_ID: Final = re.compile(r"[\w#!()\-.:/\\]{1,250}", re.ASCII)
_SHELL_NAME: Final = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class NewConnection:
    """A connection, checked as a stored one is.

    :param conn_id: its id.
    :param login: the AppKey.
    :param password: the master secret; not in `repr`.
    :param host: a host instead of a data centre; None for none.
    :param given: the fields of the extra that are not left to their defaults.
    :raises ConfigurationError: if Airflow or this package would not take it; the message never holds the secret.
    """

    conn_id: str
    login: str
    password: str = field(repr=False)
    host: str | None = None
    given: Mapping[str, Value] = field(default_factory=dict)

    conn_type: ClassVar = CONN_TYPE
    port: ClassVar = None
    schema: ClassVar = None

    def __post_init__(self) -> None:
        if not _CONN_ID.fullmatch(self.conn_id):
            raise ConfigurationError(
                f"{self.conn_id[:80]!r} is no id of a connection: Airflow takes up to 250 ASCII letters, digits and "
                "_ - . : / \\ # ! ( ). Choose another."
            )
        for name, text in (("AppKey", self.login), ("master secret", self.password)):
            if not text.isprintable():
                raise ConfigurationError(
                    f"The {name} holds a line break or another character that cannot be seen. Copy it again from "
                    "EngageLab's console."
                )
        # An Airflow connection can be written to as well, which nobody does here.
        read_settings(cast("ConnectionLike", self))

    @property
    def extra(self) -> str:
        """The extra as Airflow stores it; empty for none."""
        return json.dumps(dict(self.given)) if self.given else ""

    def as_json(self) -> str:
        """Return what a secrets backend or a variable holds: one line, in ASCII."""
        fields: dict[str, Any] = {"conn_type": CONN_TYPE, "login": self.login, "password": self.password}
        if self.host:
            fields["host"] = self.host
        if self.given:
            fields["extra"] = dict(self.given)
        return json.dumps(fields)

    def as_uri(self) -> str:
        """Return the URI that Airflow reads as this connection."""
        place = ""
        if self.host:
            # A URI has one scheme, and Airflow reads its path as the schema.
            parts = urlsplit(base_url(self.host, None, None, DEFAULT_DATA_CENTER, allow_plain_http=True))
            place = f"{parts.netloc}/{parts.scheme}"
        query = f"?{urlencode({'__extra__': self.extra})}" if self.given else ""
        scheme = CONN_TYPE.replace("_", "-")
        return f"{scheme}://{quote(self.login, safe='')}:{quote(self.password, safe='')}@{place or '/'}{query}"

    def as_env(self) -> str:
        """Return the line of a shell that sets the connection's variable.

        :raises ConfigurationError: if no shell can name that variable.
        """
        if not _SHELL_NAME.fullmatch(self.conn_id):
            raise ConfigurationError(
                f"A shell has no variable AIRFLOW_CONN_{self.conn_id.upper()}. Choose an id of letters, digits and _."
            )
        return f"export AIRFLOW_CONN_{self.conn_id.upper()}={shlex.quote(self.as_json())}"

    def as_cli(self) -> str:
        """Return the line of a shell that adds the connection to Airflow's database."""
        return shlex.join(["airflow", "connections", "add", self.conn_id, "--conn-json", self.as_json()])
