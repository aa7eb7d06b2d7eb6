"""Where a partition keeps its rows: RocksDB, or memory in tests."""
