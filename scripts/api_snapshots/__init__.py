"""What this package promises to whoever upgrades it: gathered from the code, written down, and compared."""
