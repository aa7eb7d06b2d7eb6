"""Where numbers go out: HTTP API, Redis views, Prometheus, the terminal."""
