"""Pre-labels seen from the collector: models run again over old captures, calibration, quality against corrections."""
