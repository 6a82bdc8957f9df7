"""Airflow hook."""
