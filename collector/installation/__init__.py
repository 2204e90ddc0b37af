"""What the person who runs a collector has to know: what is wrong, what to do, and where the bytes are."""
