"""A local stand-in for the service, for development, demos and tests."""
