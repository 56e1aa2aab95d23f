"""One file per section of the set-up file: what may stand there, how it is applied and exported."""
