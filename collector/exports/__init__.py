"""Exports: ground truth as files that trainers read."""
