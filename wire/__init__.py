"""What device and collector both say. Imports nothing of ours."""
