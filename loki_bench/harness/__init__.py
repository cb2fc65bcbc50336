"""From a suite file to records: suite, grid, jobs, store, execution."""
