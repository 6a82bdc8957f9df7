"""The connection form as Airflow 2 draws it, from the one table of fields. Airflow 3 reads the provider info."""

from __future__ import annotations

from typing import Any

from airflow_provider_oppo_image.connection import FIELDS, HIDDEN, LABELS, PLACEHOLDERS


def widgets_for_airflow_2() -> dict[str, Any]:
    """Return a form field for each field of the connection's extra; flask and wtforms are there with Airflow 2 only."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget, Select2Widget
    from wtforms import BooleanField, FloatField, SelectField, StringField
    from wtforms.validators import NumberRange, Optional

    def widget(entry: Any) -> Any:
        shared = {"label": entry.label, "description": entry.description, "default": entry.default}
        if entry.kind == "choice":
            return SelectField(choices=[(name, name) for name in entry.choices], widget=Select2Widget(), **shared)
        if entry.kind == "flag":
            return BooleanField(**shared)
        if entry.kind == "seconds":
            limits = [Optional(), NumberRange(min=entry.minimum, max=entry.maximum)]
            return FloatField(validators=limits, widget=BS3TextFieldWidget(), **shared)
        return StringField(widget=BS3TextFieldWidget(), **shared)

    return {entry.name: widget(entry) for entry in FIELDS}


def behaviour_for_airflow_2() -> dict[str, Any]:
    """Return what the form hides, and how it calls the rest."""
    return {"hidden_fields": list(HIDDEN), "relabeling": dict(LABELS), "placeholders": dict(PLACEHOLDERS)}
