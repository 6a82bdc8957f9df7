"""Who may see a run's pictures: whoever may read the DAG's XComs and task instances in Airflow.

Airflow mounts a plugin's application as it is, without any authentication.
"""

from __future__ import annotations

from typing import Annotated, Final

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException

_ASKED: Final = (DagAccessEntity.XCOM, DagAccessEntity.TASK_INSTANCE)


def readable_dag(dag_id: str, user: GetUserDep) -> str:
    """Return the request's DAG, if its user may read it.

    :param dag_id: the DAG, from the query; the page reads no other.
    :param user: who is logged in; nobody is answered with 401.
    :raises HTTPException: 403 where the user may not read it, whether or not there is such a DAG.
    """
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    auth_manager = get_auth_manager()
    for entity in _ASKED:
        if not auth_manager.is_authorized_dag(method="GET", access_entity=entity, details=details, user=user):
            raise HTTPException(403)
    return dag_id


ReadableDag = Annotated[str, Depends(readable_dag)]
