"""What the rooms share, and the conductor: model, registry, city, store, engine of incidents, web, commands."""
