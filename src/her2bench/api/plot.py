"""Figures of the report on your own matplotlib Axes: each function draws and returns them."""
