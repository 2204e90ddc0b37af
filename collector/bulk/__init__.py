"""Bulk work: one function per item, free of the database, done by local processes or by a Ray cluster.

The function takes JSON types and returns JSON types, and doing an item twice is harmless. So whatever is lost on the
way (a process, a machine, the service itself) is done again, and what is there says what is left.
"""
