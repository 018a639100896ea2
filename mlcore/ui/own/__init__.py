"""The pages of one's own experiments."""
