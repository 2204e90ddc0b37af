"""Model packages: files, manifests, the catalogue they come from and the runtime that executes them."""
