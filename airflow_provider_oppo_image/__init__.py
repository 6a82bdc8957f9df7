"""Apache Airflow provider that checks pictures, uploads them to EngageLab for OPPO phones, and sends pushes.

This module imports nothing, because Airflow 3.2 and later import providers during their own configuration.
"""

__version__ = "0.1.0"
