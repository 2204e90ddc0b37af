"""Consent: what participants allowed, and until when."""
