"""What is here: sessions, takes, captures, their labels and media."""
