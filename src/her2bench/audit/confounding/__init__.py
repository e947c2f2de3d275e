"""How well the target is predicted from what should not matter."""
