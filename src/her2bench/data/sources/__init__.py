"""Manifests from what users have: the BCI folders, labelled images and slides."""
