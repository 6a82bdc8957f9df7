"""The connection form as Airflow 2 draws it, from the one table of fields. Airflow 3 reads the provider info."""

from __future__ import annotations

from typing import Any

from airflow_provider_oppo_image.connection import FIELDS, HIDDEN, LABELS, PLACEHOLDERS, Field


def widgets_for_airflow_2() -> dict[str, Any]:
    """Return a form field for each field of the connection's extra, under its name.

    flask_appbuilder and wtforms are there with Airflow 2 only, which draws nothing at all for a hook with a field that
    is none of its four kinds: text, password, whole number and flag.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import BooleanField, StringField
    from wtforms.validators import AnyOf, Optional

    def widget(entry: Field) -> Any:
        if entry.kind == "flag":
            return BooleanField(entry.label, description=entry.description, default=entry.default)
        description, validators = entry.description, [Optional()]
        if entry.choices:
            description += f" One of: {', '.join(entry.choices)}."
            validators.append(AnyOf(entry.choices))
        default = f"{entry.default:g}" if isinstance(entry.default, float) else entry.default
        return StringField(
            entry.label, validators, description=description, default=default, widget=BS3TextFieldWidget()
        )

    return {entry.name: widget(entry) for entry in FIELDS}


def behaviour_for_airflow_2() -> dict[str, Any]:
    """Return what the form hides, and how it calls the rest."""
    return {"hidden_fields": list(HIDDEN), "relabeling": dict(LABELS), "placeholders": dict(PLACEHOLDERS)}
