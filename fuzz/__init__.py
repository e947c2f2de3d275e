"""Broken and hostile inputs for every reader: `make fuzz`. No input may end in a traceback."""
