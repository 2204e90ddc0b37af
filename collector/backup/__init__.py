"""Backups of a collector: encrypted and incremental, made and restored while the service runs."""
