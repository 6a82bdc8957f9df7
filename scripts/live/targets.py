"""The live service and the sandbox: their connections, credentials, and the ids that they gave."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.net.options import TransportOptions
from scripts.live.questions import Credentials, Question


@dataclass(frozen=True)
class Seen:
    """A request, the answer to it (None if there was none), and the error that our code raises (None for none)."""

    request: Request
    answer: Response | None
    error: OppoImageError | None

    @property
    def code(self) -> int | None:
        """The service's error code; None if there is none."""
        return self.error.code if self.error else None


@dataclass
class Target:
    """A service with a transport for each kind of credentials, and the picture ids that it gave."""

    transports: Mapping[Credentials, HttpTransport] = field(repr=False)
    ids: dict[PictureKind, str] = field(default_factory=dict)

    def ask(self, question: Question) -> Seen | None:
        """Ask once; return None if the question needs an id that is missing."""
        request = question.request(self.ids)
        if request is None:
            return None
        answer = None
        try:
            answer = self.transports[question.credentials].send(request)
            result = question.read(request, answer)
        except OppoImageError as error:
            return Seen(request, answer, error)
        if question.kind and isinstance(result, str):
            self.ids.setdefault(question.kind, result)
        return Seen(request, answer, None)


@contextlib.contextmanager
def open_target(
    base_url: str, app_key: str, master_secret: str, transport_options: TransportOptions
) -> Iterator[Target]:
    """Open the transports to a service.

    :raises ConfigurationError: if the address or the proxy is not usable.
    """
    fake = secrets.token_hex(12)
    options: dict[str, Any] = {
        "user_agent": f"airflow-provider-oppo-image/{__version__} scripts.live",
        "options": transport_options,
        "connections": 1,
    }
    with contextlib.ExitStack() as stack:
        transports: dict[Credentials, HttpTransport] = {
            "ours": HttpTransport(base_url, app_key, master_secret, **options),
            "a wrong master secret": HttpTransport(base_url, app_key, fake, **options),
            "an unknown AppKey": HttpTransport(base_url, fake, master_secret, **options),
        }
        del master_secret
        for transport in transports.values():
            stack.callback(transport.close)
        yield Target(transports)
