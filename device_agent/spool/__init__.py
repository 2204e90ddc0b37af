"""The device's durable store of what the collector has not yet confirmed."""
