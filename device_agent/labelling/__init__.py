"""Labelling on the device: which models, and the thread that they work in."""
