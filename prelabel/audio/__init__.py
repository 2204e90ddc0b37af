"""Audio models: samples in, stretches of time out."""
