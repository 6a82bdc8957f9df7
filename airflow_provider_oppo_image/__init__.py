"""Check pictures, upload them to EngageLab for OPPO phones, and push: an Apache Airflow provider.

Importing the package imports nothing else: Airflow 3.2 and later read providers while they configure themselves.
"""

__version__ = "0.1.0"
