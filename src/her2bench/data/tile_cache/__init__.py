"""Tiles decoded and resized once, kept on disk, mapped into memory."""
