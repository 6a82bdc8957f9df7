"""Checks of pictures: rules, downloads, decoding, reports and polling. No Airflow, and no calls to the service."""
