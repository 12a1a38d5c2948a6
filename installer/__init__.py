"""Tools around the product: build hook, checks, documents, translations, demo, pictures, service units."""
