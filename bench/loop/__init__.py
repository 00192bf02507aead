"""Parts of the benchmark of the learning loop, `bench.learning`."""
