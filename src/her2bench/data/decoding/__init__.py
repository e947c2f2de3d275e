"""From files to RGB arrays, and what makes a file unreadable."""
