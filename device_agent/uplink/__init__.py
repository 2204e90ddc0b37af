"""Carries the spool to the collector and deletes only on a receipt."""
