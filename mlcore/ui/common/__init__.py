"""Parts of the user interface that several pages use."""
