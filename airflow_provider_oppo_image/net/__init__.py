"""HTTP for the whole package: sessions, deadlines, the address policy and redaction."""
