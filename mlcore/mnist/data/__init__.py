"""Image data sets: downloaded, bundled or read from a folder, as tensors."""
