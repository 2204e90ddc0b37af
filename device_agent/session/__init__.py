"""One session: the pure machine, its journal, its records, and the thread that runs it."""
