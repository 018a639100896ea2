"""Widgets that turn a form's field into a range of a sweep."""
