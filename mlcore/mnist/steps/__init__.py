"""Ways to take an optimizer step that give the same numbers, and the choice between them."""
