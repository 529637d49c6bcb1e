"""Orders: they are taken on the web, and priced by a worker."""
