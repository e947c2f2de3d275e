"""Pages of the report: report.html, audit.html, model cards."""
