"""What panels share."""
