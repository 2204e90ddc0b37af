"""Families of image models, one per file: how a picture goes in, what the tensors mean."""
