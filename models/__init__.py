"""What an event, a journey definition and a number are: pure data and its schemas."""
