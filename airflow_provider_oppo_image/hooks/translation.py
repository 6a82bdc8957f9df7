"""Our errors in Airflow's words, and Airflow's in ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.connection import CONN_TYPE
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError


@contextlib.contextmanager
def airflow_errors() -> Iterator[None]:
    """Translate this package's errors into Airflow's, for any task that calls the hook.

    A permanent error becomes an `AirflowFailException`, so that Airflow does not retry what cannot succeed; one that
    may pass goes through, and Airflow retries. Either says in a line what was found, what was asked for and what to do,
    and ends with the address of its page; the log has the tables of pictures that are not ready.
    """
    try:
        yield
    except OppoImageError as error:
        from airflow_provider_oppo_image.hooks.task_log import tell

        tell(error)
        if error.permanent:
            raise AirflowFailException(str(error)) from error
        raise


def no_such_connection(conn_id: str) -> ConfigurationError:
    """Return the error for a connection that Airflow does not have; it may pass.

    :param conn_id: the connection's id.
    """
    return ConfigurationError(
        f"Airflow has no connection {conn_id!r} that it can read. Add one of type {CONN_TYPE!r}, or set "
        f"AIRFLOW_CONN_{conn_id.upper()}; its extra must be a JSON object.",  # or 3.0 and 3.1 say that there is none
        permanent=False,  # a secrets backend that is down looks the same
    )
