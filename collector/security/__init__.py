"""The security log: who was let in, who was refused, and who changed what others may do."""
