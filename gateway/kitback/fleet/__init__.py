"""Puts tags into service: their flash image, their application, and what makes each of them this service's own."""
