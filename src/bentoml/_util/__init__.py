"""Small tools without knowledge of bundles, services or servers; one noun per file."""
