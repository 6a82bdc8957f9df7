"""A whole Airflow on this machine, to try the provider out: `make airflow`."""
