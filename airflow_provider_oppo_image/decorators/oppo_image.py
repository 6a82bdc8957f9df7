"""Task decorator `@task.oppo_image_upload`: uploads the pictures whose URLs a function returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec, Protocol, cast, overload

from airflow_provider_oppo_image.airflow_compat import (
    DecoratedOperator,
    DecoratorCompatMixin,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors
from airflow_provider_oppo_image.operators.oppo_image import OppoImageUploadOperator
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

P = ParamSpec("P")

RETURNED_KEYS: Final = ("big_picture_url", "small_picture_url", "campaign")
"""Keys that a decorated function may return: names of the upload operator's arguments."""


class UploadTask(Protocol[P]):
    """Type of a decorated function, for type checkers; like Airflow's own type for its decorators.

    A call in a DAG creates the task, whose output is that of `OppoImageUploadOperator`.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> XComArg:
        """Create the task; arguments may be outputs of other tasks."""

    def partial(self, **kwargs: Any) -> UploadTask[P]:
        """Set arguments of the function that all mapped tasks share."""

    def expand(self, **kwargs: Any) -> XComArg:
        """Create a mapped task for each element of the arguments."""

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> XComArg:
        """Create a mapped task for each mapping of arguments."""

    def override(self, **kwargs: Any) -> UploadTask[P]:
        """Change the operator's arguments, such as ``task_id``."""


class _UploadDecoratedOperator(DecoratedOperator, OppoImageUploadOperator, DecoratorCompatMixin):
    """Calls the function, and uploads the pictures that it returns.

    The function's arguments are templates. Its return value is not rendered, because a URL can come from outside.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, "campaign", "oppo_image_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {**DecoratedOperator.template_fields_renderers}
    custom_operator_name = "@task.oppo_image_upload"

    def execute(self, context: Context) -> dict[str, str | None]:
        """Call the function, and upload the pictures; called by Airflow."""
        context_merge(context, self.op_kwargs)
        arguments = determine_kwargs(self.python_callable, self.op_args, context)
        with airflow_errors():
            returned = _validate(self.python_callable(*self.op_args, **arguments), self.python_callable.__name__)
        self.big_picture_url = returned.get("big_picture_url")
        self.small_picture_url = returned.get("small_picture_url")
        if not is_blank(returned.get("campaign")):
            self.campaign = returned["campaign"]
        ids: dict[str, str | None] = super().execute(context)
        return ids


@overload
def oppo_image_upload_task(python_callable: Callable[P, Mapping[str, object]]) -> UploadTask[P]: ...
@overload
def oppo_image_upload_task(
    *,
    check: bool = ...,
    campaign: str | None = ...,
    oppo_image_conn_id: str = ...,
    multiple_outputs: bool = ...,
    **kwargs: Any,
) -> Callable[[Callable[P, Mapping[str, object]]], UploadTask[P]]: ...


def oppo_image_upload_task(
    python_callable: Callable[..., Mapping[str, object]] | None = None,
    *,
    check: bool = True,
    campaign: str | None = None,
    oppo_image_conn_id: str = DEFAULT_CONN_ID,
    multiple_outputs: bool = True,
    **kwargs: Any,
) -> Any:
    """Create an upload task from a function: ``@task.oppo_image_upload`` with types.

    The function returns a mapping with ``big_picture_url``, ``small_picture_url`` or both, and optionally ``campaign``.
    The task checks the pictures, uploads them and returns their ids and the time of the upload, like
    `OppoImageUploadOperator`, and takes the same other arguments.

    :param python_callable: the function.
    :param check: check the pictures before the upload.
    :param campaign: the campaign's name (templated); the value that the function returns takes precedence.
    :param oppo_image_conn_id: the id of the connection (templated).
    :param multiple_outputs: push each id as an XCom of its own as well.
    :param kwargs: arguments of every Airflow operator, such as ``retries``.
    """
    return task_decorator_factory(
        cast("Any", python_callable),
        decorated_operator_class=_UploadDecoratedOperator,
        multiple_outputs=multiple_outputs,
        check=check,
        campaign=campaign,
        oppo_image_conn_id=oppo_image_conn_id,
        **kwargs,
    )


def _validate(returned: object, function: str) -> Mapping[str, Any]:
    if not isinstance(returned, Mapping):
        found = "None" if returned is None else f"a value of type {type(returned).__name__}"
        raise ConfigurationError(
            f"{function} must return a mapping with big_picture_url, small_picture_url or both, not {found}. To upload "
            "nothing, raise AirflowSkipException in it."
        )
    if unknown := [key for key in returned if key not in RETURNED_KEYS]:
        # A key that is not an identifier can be anything, such as a signed URL.
        names = ", ".join(key if str(key).isidentifier() else "(not a name)" for key in unknown)
        raise ConfigurationError(
            f"{function} returned a mapping with unknown keys: {names}. The keys must be {', '.join(RETURNED_KEYS)}."
        )
    return returned
