"""The documents that device and collector exchange, errors and files. Imports nothing of ours."""
