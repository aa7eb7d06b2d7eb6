"""What is remembered of users, how events are merged into it, and the facts that it stands for."""
