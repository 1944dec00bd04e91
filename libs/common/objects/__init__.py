"""Objects of any size in S3, encrypted as they flow; model files with their checksums."""
