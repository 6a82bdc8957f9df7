"""The pictures: what they are, what is asked of them, and the check. No Airflow, and no calls to the service."""
