"""Several MNIST runs trained as one vectorized program."""
