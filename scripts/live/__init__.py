"""What the live service answers, beside what we know: for whoever has an account."""
