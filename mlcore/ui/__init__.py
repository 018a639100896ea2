"""What the pages are made of: navigation, page parts, forms and the live view of runs."""
