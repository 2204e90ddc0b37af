"""What the collector's server and the session page's server share: host names, strict headers, problems, ports."""
