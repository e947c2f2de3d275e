"""What can be compared: the networks, one file each, and the baselines."""
