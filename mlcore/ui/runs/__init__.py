"""The pages Runs and Compare: what they show, and what one may do there."""
