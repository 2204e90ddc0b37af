"""Whether a model works as it should here: its golden sample, and what it costs."""
