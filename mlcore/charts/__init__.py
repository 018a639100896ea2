"""Charts: a DataFrame goes in, an Altair chart comes out; one module a domain."""
