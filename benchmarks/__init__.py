"""What bulkstatus costs and how exactly it keeps a rate: `python -m benchmarks`."""
