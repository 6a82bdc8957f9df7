"""Measurements of the package and of its alternatives; `python -m bench` runs them."""
