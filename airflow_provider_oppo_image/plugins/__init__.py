"""The page in Airflow that shows the pictures of a run as OPPO phones show them."""
