"""The demo merchant: ``setup.yaml`` says what it is, the rest of this package lives its past."""
