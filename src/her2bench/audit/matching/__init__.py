"""Pairs of tiles that show the same picture, a common part, or adjoining places."""
