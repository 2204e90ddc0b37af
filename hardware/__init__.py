"""A device on the bench, and the demo: a whole installation as processes on one machine."""
