"""Airflow task decorator."""
