"""A trained network outside of mlcore: its source, its ONNX graph, and pictures read for it."""
