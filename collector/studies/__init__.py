"""Studies: what there is of each, and the scripts' plans and consent texts they were run with, by hash."""
