"""HTTPS without anybody's help: an authority of the collector's own, and the certificate that it gives the service."""
