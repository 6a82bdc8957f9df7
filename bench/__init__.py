"""The measurements, each beside what a user would pick instead; `python -m bench` runs them."""
