"""Names of accounts, journeys, series and kinds, as numbers."""
