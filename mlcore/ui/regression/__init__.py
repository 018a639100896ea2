"""What the pages on regression and on the optimizer race are made of."""
