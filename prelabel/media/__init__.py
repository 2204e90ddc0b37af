"""Media files: pictures, videos with the exact time of every frame, and sound."""
