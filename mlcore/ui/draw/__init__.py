"""The page *Draw*: a canvas, the networks' predictions, and which pixels they depend on."""
