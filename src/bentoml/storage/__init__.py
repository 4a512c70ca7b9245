"""Bytes at addresses: s3://, gs://, azure://, https://; what comes from there is a stranger's until it is checked."""
