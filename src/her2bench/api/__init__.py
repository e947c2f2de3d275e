"""The public API of `import her2bench`; the command line is a thin layer over it."""
