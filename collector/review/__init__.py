"""Review: tasks wait in a queue, are leased to one person at a time, and become revisions and ground truth."""
