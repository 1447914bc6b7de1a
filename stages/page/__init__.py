"""plots/report.html: the whole study on one page, with what it needs inside."""
