"""Families of image models, one a file: how a picture goes in, what the tensors mean."""
