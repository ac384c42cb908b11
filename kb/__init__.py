"""kb: a service centre's knowledge base and answer service."""
