"""The service: its messages, the retries, and the client. No Airflow, and no picture bytes."""
