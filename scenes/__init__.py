"""Pure rules, one folder a city matter: rows and marks enter, evidence leaves. ``load()`` names the scenes that run."""
