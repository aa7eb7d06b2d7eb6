"""What `make bench` measures; docs/benchmarks.md says how, results/ keeps what came out."""
