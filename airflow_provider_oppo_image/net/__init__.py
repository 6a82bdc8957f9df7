"""HTTP for the whole package: sessions, deadlines, address policy and redaction."""
