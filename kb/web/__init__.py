"""The Litestar service."""
