"""Figures beside the limit or the peer they are compared with, measured in the same run. Never asserted in tests."""
