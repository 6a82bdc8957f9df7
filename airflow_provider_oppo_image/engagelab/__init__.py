"""Client of the EngageLab service: messages, transport and retries. No Airflow, and no picture bytes."""
