"""Where the state of a partition comes from: directories, snapshots, and what the log must still have."""
