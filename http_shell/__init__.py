"""What both ends of HTTP share: host names, strict headers, problems, ports; trust, answers, uploads and waiting."""
