"""Playing a recording instead of a generated market."""
