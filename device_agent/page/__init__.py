"""The session page: what a participant reads and presses. It reads snapshots, posts events and knows nothing else."""
