"""What every route has: the guard in front, problems as answers, bodies, byte ranges and compression."""
