"""Devices: how they join, and what they report about themselves."""
