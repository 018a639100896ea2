"""Widgets with which a form's field becomes a range of a sweep."""
