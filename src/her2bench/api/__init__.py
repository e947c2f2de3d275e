"""What `import her2bench` offers; the command line is a thin layer over it."""
