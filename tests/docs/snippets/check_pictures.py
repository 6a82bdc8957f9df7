"""The check in plain Python."""

# [START check_pictures]
from airflow_provider_oppo_image.pictures.check import check_file, check_picture


def what_is_wrong(url: str) -> list[str]:
    """Return what to do about a big picture; nothing where it is ready."""
    report = check_picture("big", url)
    return [f"{problem.code}: {problem.advice}" for problem in report.problems]


def is_ready(path: str) -> bool:
    """Return whether a file can be used as a small picture."""
    return check_file("small", path).state == "ready"


# [END check_pictures]
