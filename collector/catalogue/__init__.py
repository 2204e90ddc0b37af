"""What the collector has: sessions, takes, captures, their labels and media."""
