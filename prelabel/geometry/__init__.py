"""Boxes, outlines, masks and tracks: where things are and how much they share. Pure; needs no model."""
