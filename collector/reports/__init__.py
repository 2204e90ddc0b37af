"""Reports for leads: a day in numbers."""
