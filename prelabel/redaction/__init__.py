"""Faces masked and speech muted before the first byte is written: the engine, and the command for files that exist."""
