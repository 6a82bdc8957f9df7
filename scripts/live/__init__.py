"""The live service, compared with what we expect of it: for users with an account."""
