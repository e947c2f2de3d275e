"""Files that people open: report.html, audit.html, model cards."""
