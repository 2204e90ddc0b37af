"""Database rows and blobs: the only folder that knows how data is stored."""
