"""Background work: thin jobs that load by id and call one use case."""
