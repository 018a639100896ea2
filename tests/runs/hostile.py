"""A text that breaks whatever shows, stores or exports it carelessly."""

HOSTILE = "<img src=x onerror=alert(1)> “קו” مرحبا '; DROP TABLE runs; -- \u202e" + "n" * 10_000
