"""From boxes on frames to tracks, and from tracks to as few keyframes as interpolation needs."""
