"""Pages for phones: report, progress, rate."""
