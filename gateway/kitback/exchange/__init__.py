"""What comes in from other systems and goes out to them: the provider's feed, CSV, FHIR, labels."""
