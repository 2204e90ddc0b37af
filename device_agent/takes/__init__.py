"""Takes: the streams between sensors and encoders, masking, and what a take puts into the spool."""
