"""What a DAG file that uses the decorator or the retry policy imports, beside Airflow: little."""

from __future__ import annotations

from tests.test_package import HEAVY, modules_after


def test_parsing_a_dag_file_imports_nothing_heavy() -> None:
    compat = "from airflow.providers.common.compat.sdk import DAG, BaseOperator, BaseSensorOperator, task"
    ours = (
        "import airflow_provider_oppo_image.decorators.oppo_image",
        "import airflow_provider_oppo_image.retry_policy",
    )
    added = modules_after(compat, *ours) - modules_after(compat, "task.python")
    assert "airflow_provider_oppo_image.decorators.oppo_image" in added
    assert not added & HEAVY
    assert all(name.startswith(("airflow_provider_oppo_image", "airflow.")) for name in added)
