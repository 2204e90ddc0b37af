"""Reports: what a day looked like, for leads."""
