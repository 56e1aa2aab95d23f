"""Reports and the doctor."""
