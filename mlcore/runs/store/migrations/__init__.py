"""How a store's tables came to be, one step after another; run by alembic."""
