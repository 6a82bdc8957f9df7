"""Airflow sensor."""
