"""A complete Airflow on this machine, to try the provider: `make airflow`."""
