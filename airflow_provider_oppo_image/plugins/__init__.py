"""The page in Airflow that shows a run's pictures as a phone would."""
