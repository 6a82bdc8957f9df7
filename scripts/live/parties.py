"""Those that are asked, the live service and the sandbox: each with its credentials, and the ids that it gave."""

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
    """What was seen of one request.

    :param request: what was sent.
    :param answer: the answer as it came; None where none came.
    :param error: what our code raises for it; None where it is content.
    """

    request: Request
    answer: Response | None
    error: OppoImageError | None

    @property
    def code(self) -> int | None:
        """The service's error code; None where there is none."""
        return self.error.code if self.error else None


@dataclass
class Party:
    """One that is asked, each request once.

    :param wires: the connections for each kind of credentials.
    :param ids: the ids that it gave so far.
    """

    wires: Mapping[Credentials, HttpTransport] = field(repr=False)
    ids: dict[PictureKind, str] = field(default_factory=dict)

    def ask(self, question: Question) -> Seen | None:
        """Ask, and return what was seen; None where it cannot be asked, for want of an id.

        :param question: what is asked.
        """
        request = question.request(self.ids)
        if request is None:
            return None
        answer = None
        try:
            answer = self.wires[question.credentials].send(request)
            told = question.read(request, answer)
        except OppoImageError as error:
            return Seen(request, answer, error)
        if question.kind and isinstance(told, str):
            self.ids.setdefault(question.kind, told)
        return Seen(request, answer, None)


@contextlib.contextmanager
def party(base_url: str, app_key: str, master_secret: str, transport_options: TransportOptions) -> Iterator[Party]:
    """Open the connections to one that is asked.

    :param base_url: scheme, host and port.
    :param app_key: the AppKey.
    :param master_secret: the master secret.
    :param transport_options: timeouts and other options of the connections.
    :raises ConfigurationError: if there is no way to it.
    """
    made_up = secrets.token_hex(12)
    options: dict[str, Any] = {
        "user_agent": f"airflow-provider-oppo-image/{__version__} scripts.live",
        "options": transport_options,
        "connections": 1,
    }
    with contextlib.ExitStack() as stack:
        wires: dict[Credentials, HttpTransport] = {
            "ours": HttpTransport(base_url, app_key, master_secret, **options),
            "a wrong master secret": HttpTransport(base_url, app_key, made_up, **options),
            "an unknown AppKey": HttpTransport(base_url, made_up, master_secret, **options),
        }
        del master_secret
        for wire in wires.values():
            stack.callback(wire.close)
        yield Party(wires)
