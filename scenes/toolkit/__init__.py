"""What scenes share, pure: per-device arrays, series, wind, areas, places, road graph, calls."""
