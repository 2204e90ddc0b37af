"""Labels documents of media files: one file, many files with workers, and videos frame by frame."""
