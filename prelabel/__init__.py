"""Media in, labels out: model packages, decoders, tracks. Knows no database; only the catalogue knows a network."""
