"""From frames and samples to bytes that never change once written."""
