"""Airflow's database, which a new connection goes to."""

from __future__ import annotations

import contextlib

from airflow_provider_oppo_image.cli.airflow_hook import devnull, starting_airflow
from airflow_provider_oppo_image.cli.new_connection import NewConnection
from airflow_provider_oppo_image.errors import ConfigurationError


def store(new: NewConnection) -> None:
    """Add a connection.

    :raises ConfigurationError: if Airflow does not start, has no database yet, or has a connection of that id.
    """
    with contextlib.redirect_stdout(devnull()), contextlib.redirect_stderr(devnull()):
        _store(new)


def _store(new: NewConnection) -> None:
    with starting_airflow():
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session
        from sqlalchemy import select
        from sqlalchemy.exc import SQLAlchemyError
    try:
        with create_session() as session:
            if session.scalar(select(Connection.conn_id).where(Connection.conn_id == new.conn_id)):
                raise ConfigurationError(
                    f"Airflow has a connection {new.conn_id!r} already. Choose another --conn-id, change that one in "
                    f"Airflow's UI, or delete it first: airflow connections delete {new.conn_id}"
                )
            session.add(
                Connection(
                    conn_id=new.conn_id,
                    conn_type=new.conn_type,
                    login=new.login,
                    password=new.password,
                    host=new.host,
                    extra=new.extra,
                )
            )
    except SQLAlchemyError as error:
        # Its words hold what was to be stored, the secret too.
        raise ConfigurationError(
            f"Airflow's database took no connection ({type(error).__name__}). `airflow db check` shows whether it is "
            "there, `airflow db migrate` makes it."
        ) from None
