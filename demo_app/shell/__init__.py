"""The main window and what surrounds the panels: menus, docks, header, status, tray."""
