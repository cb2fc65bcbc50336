"""Nobody imports it ahead."""
