"""`python -m her2bench` is the `her2bench` command."""

from her2bench.cli.main import main

main()
