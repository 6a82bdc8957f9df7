"""Snapshots of the public API: collected from the code, stored for each version, and compared by tests/promises."""
