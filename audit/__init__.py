"""A small transparency log that anyone can verify offline: RFC 6962 tree, C2SP formats, no service needed."""
