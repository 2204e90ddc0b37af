"""Which pre-labels deserve a look: what scores are worth, what models doubt, and what looks wrong in tracks."""
