"""What operators decide: the control topic, records that are skipped, and how one to skip is found."""
