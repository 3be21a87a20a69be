"""How the terminal looks and speaks: theme, fonts, icons, formats, language."""
