"""What each section of a report says, computed from its inputs."""
