"""Figures for monitoring, as Prometheus reads them; docs/metrics.md explains each."""
