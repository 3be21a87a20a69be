"""The panels, one module or a few for each."""
