"""What opens over the window: palette, shortcuts, settings, about."""
