"""The links that tasks show in Airflow."""
