"""People, their tokens, and who may call which route."""
