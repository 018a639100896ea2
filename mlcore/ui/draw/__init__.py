"""The page *Draw*: a canvas, what networks say of the digit on it, and what they see in it."""
