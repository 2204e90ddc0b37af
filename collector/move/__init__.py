"""Moving a collector's data to another database or other storage of media, and back, while the service only reads."""
