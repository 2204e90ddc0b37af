"""Rows and blobs: the only rooms that know how data is kept."""
