"""The connection form as Airflow 2 draws it, from the one table of fields. Airflow 3 reads the provider info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_oppo_image.connection import FIELDS, LABELS, PLACEHOLDERS, Field

if TYPE_CHECKING:
    from markupsafe import Markup

# Not the extra: where it is hidden, the Test button does nothing in the form of a stored connection.
_HIDDEN: Final = ("schema", "port")
# A stored secret is neither shown nor tested.
_SECRET: Final = "the app's master secret; to test a stored connection, type it again"  # noqa: S105 - words


def widgets_for_airflow_2() -> dict[str, Any]:
    """Return a form field for each field of the connection's extra, under its name.

    flask_appbuilder and wtforms are there with Airflow 2 only, which draws nothing at all for a hook with a field that
    is none of its four kinds: text, password, whole number and flag. So a choice is a text that is drawn as a list.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import BooleanField, StringField
    from wtforms.validators import AnyOf, Optional

    def form_field(entry: Field) -> Any:
        words: dict[str, Any] = {"label": entry.label, "description": entry.description}
        if entry.kind == "flag":
            return BooleanField(**words, default=entry.default)
        default = f"{entry.default:g}" if isinstance(entry.default, float) else entry.default
        if entry.choices:
            return StringField(
                **words, validators=[Optional(), AnyOf(entry.choices)], default=default, widget=_DropDown(entry)
            )
        return StringField(**words, validators=[Optional()], default=default, widget=BS3TextFieldWidget())

    return {entry.name: form_field(entry) for entry in FIELDS}


def behaviour_for_airflow_2() -> dict[str, Any]:
    """Return what the form hides, and how it calls the rest."""
    placeholders = {name: words for name, words in PLACEHOLDERS.items() if name not in _HIDDEN}
    return {
        "hidden_fields": list(_HIDDEN),
        "relabeling": dict(LABELS),
        "placeholders": {**placeholders, "password": _SECRET},
    }


class _DropDown:
    """Draws a text field as a list of its entry's choices; a stored value that is none of them is shown too."""

    def __init__(self, entry: Field) -> None:
        self._choices = entry.choices

    def __call__(self, field: Any, **attributes: Any) -> Markup:
        from markupsafe import Markup
        from wtforms.widgets import html_params

        stored = {field.data: field.data} if field.data else {}
        options = Markup("").join(
            Markup("<option {}>{}</option>").format(
                Markup(html_params(value=value, selected=value == field.data)),  # noqa: S704 - escaped by wtforms
                words,
            )
            for value, words in {**stored, **self._choices}.items()
        )
        attributes |= {"id": field.id, "name": field.name, "class": "form-control"}
        described = Markup(html_params(**attributes))  # noqa: S704 - escaped by wtforms
        return Markup("<select {}>{}</select>").format(described, options)
