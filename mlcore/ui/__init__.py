"""The user interface: navigation, page layout, forms and live views of runs."""
