"""The register as FHIR R4: equipment, prescriptions, deliveries, loans and collections, without any person."""

from kitback.exchange.fhir.chosen import Chosen, identity, resources
from kitback.exchange.fhir.resources import Names
from kitback.exchange.fhir.written import Invalid, write_bundle, write_ndjson

__all__ = ["Chosen", "Invalid", "Names", "identity", "resources", "write_bundle", "write_ndjson"]
