"""Which pre-labels a person should check first: calibrated scores, doubts of models, and faults of tracks."""
