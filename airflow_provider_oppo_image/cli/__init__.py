"""The command line `oppo-image`."""
