"""Work that outlives a request: the table of jobs, and the loop that does them."""
