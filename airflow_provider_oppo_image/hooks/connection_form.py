"""Connection form for Airflow 2, built from the table of fields. Airflow 3 reads the provider info instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_oppo_image.connection import FIELDS, LABELS, PLACEHOLDERS, Field

if TYPE_CHECKING:
    from markupsafe import Markup

# Not the extra: if it is hidden, the Test button does nothing in the form of a stored connection.
_HIDDEN: Final = ("schema", "port")
# The form does not send a stored secret, so the test needs it again.
_SECRET: Final = "the app's master secret; to test a stored connection, type it again"  # noqa: S105 - a placeholder


def widgets_for_airflow_2() -> dict[str, Any]:
    """Return a form field for each field of the connection's extra, by name.

    flask_appbuilder and wtforms are installed only with Airflow 2. It ignores all fields of a hook if one of them is
    not text, password, integer or boolean. A choice is therefore a text field that is rendered as a drop-down list.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import BooleanField, StringField
    from wtforms.validators import AnyOf, Optional

    def form_field(entry: Field) -> Any:
        texts: dict[str, Any] = {"label": entry.label, "description": entry.description}
        if entry.kind == "flag":
            return BooleanField(**texts, default=entry.default)
        default = f"{entry.default:g}" if isinstance(entry.default, float) else entry.default
        if entry.choices:
            return StringField(
                **texts, validators=[Optional(), AnyOf(entry.choices)], default=default, widget=_DropDown(entry)
            )
        return StringField(**texts, validators=[Optional()], default=default, widget=BS3TextFieldWidget())

    return {entry.name: form_field(entry) for entry in FIELDS}


def behaviour_for_airflow_2() -> dict[str, Any]:
    """Return the form's hidden fields, labels and placeholders."""
    placeholders = {name: text for name, text in PLACEHOLDERS.items() if name not in _HIDDEN}
    return {
        "hidden_fields": list(_HIDDEN),
        "relabeling": dict(LABELS),
        "placeholders": {**placeholders, "password": _SECRET},
    }


class _DropDown:
    """Widget that renders a text field as a drop-down list; it also lists a stored value that is not a choice."""

    def __init__(self, entry: Field) -> None:
        self._choices = entry.choices

    def __call__(self, field: Any, **attributes: Any) -> Markup:
        from markupsafe import Markup
        from wtforms.widgets import html_params

        stored = {field.data: field.data} if field.data else {}
        options = Markup("").join(
            Markup("<option {}>{}</option>").format(
                Markup(html_params(value=value, selected=value == field.data)),  # noqa: S704 - escaped by wtforms
                label,
            )
            for value, label in {**stored, **self._choices}.items()
        )
        attributes |= {"id": field.id, "name": field.name, "class": "form-control"}
        rendered = Markup(html_params(**attributes))  # noqa: S704 - escaped by wtforms
        return Markup("<select {}>{}</select>").format(rendered, options)
