"""Plans: what the statements of journeys read, on a large and uneven database."""
