"""The main job, played through HTTP as a shop's people would play it."""
