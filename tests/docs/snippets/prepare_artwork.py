"""Artwork made ready and uploaded, as the guide shows it; a test runs it."""

# [START prepare_artwork]
import datetime

from airflow import DAG

from airflow_provider_oppo_image.operators.oppo_image import OppoImagePrepareOperator, OppoImageUploadOperator

with DAG(
    "prepare_artwork",
    schedule=None,
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    params={
        "art": "s3://my_connection@bucket/art.tif",
        "folder": "s3://my_connection@cdn",
        "cdn": "https://cdn.example.com",
    },
) as dag:
    prepare = OppoImagePrepareOperator(
        task_id="prepare",
        source="{{ params.art }}",  # such as s3://my_connection@bucket/spring/art.tif
        destination="{{ params.folder }}/big",  # becomes big.png or big.jpg
        kind="big",
        focus=(0.5, 0.3),  # what matters is in the middle, a bit above the centre
        public_url="{{ params.cdn }}/{name}",
        retries=3,
    )
    upload = OppoImageUploadOperator(task_id="upload", big_picture_url=prepare.output, retries=3)
    # [END prepare_artwork]

    # [START prepare_many]
    prepare_many = OppoImagePrepareOperator.partial(
        task_id="prepare_many",
        kind="small",
        fit="contain",
        public_url="{{ params.cdn }}/{name}",
    ).expand_kwargs(
        [
            {"source": "{{ params.art }}", "destination": "{{ params.folder }}/spring"},
            {"source": "{{ params.art }}", "destination": "{{ params.folder }}/summer", "background": "skyblue"},
        ]
    )
    # [END prepare_many]


# [START prepare_in_python]
def make_small(artwork):
    """Return the file of a small picture; `artwork` is a `pathlib.Path`."""
    from airflow_provider_oppo_image.artwork.prepare import Layout, prepare

    layout = Layout("contain", background="white", enlarge=True)
    return prepare("small", artwork.read_bytes(), layout).body


# [END prepare_in_python]
