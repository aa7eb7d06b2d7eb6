"""Files into either host: JSONL, CSV and Parquet, with a mapping where rows are no events."""
