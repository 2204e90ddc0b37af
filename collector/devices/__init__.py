"""Devices: how they join, and what they say of themselves."""
