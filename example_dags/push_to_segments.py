"""One campaign for several audiences: upload the pictures once, then push to tags and to a segment.

Each audience has a task of its own, so that one push that fails does not stop the others.
"""

from __future__ import annotations

# [START push_to_segments]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator

AUDIENCES = {
    "new_customers": ({"tag": ["trial", "first_order"]}, "Welcome: 40 % off, today only"),
    "members": ({"tag_and": ["member", "shanghai"], "tag_not": ["opted_out"]}, "For members: 40 % off, today only"),
    "inactive": ({"seg": {"id": "YOUR_SEGMENT_ID"}}, "We miss you: 40 % off, today only"),
}

with DAG(
    "push_to_segments",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    params={"big_picture_url": "https://cdn.example.com/spring/big.jpg"},
    tags=["oppo"],
) as dag:
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url="{{ params.big_picture_url }}", retries=3)
    for name, (audience, text) in AUDIENCES.items():
        OppoImagePushOperator(
            task_id=f"push_{name}",
            campaign=name,
            message={
                "from": "push",
                "to": audience,
                "body": {"platform": "all", "notification": {"android": {"title": "Spring sale", "alert": text}}},
            },
            pictures=upload.output,
            validate_only=True,  # remove this line when the service accepts the pushes: then they are sent
            retries=3,
        )
# [END push_to_segments]
