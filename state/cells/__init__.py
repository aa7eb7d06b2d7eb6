"""What a batch changes: counts, money, user sets and histograms by series and time."""
