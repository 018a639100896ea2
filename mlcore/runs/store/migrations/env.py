"""Alembic's entry point: runs migrations on the connection the store passes in."""

from alembic import context

from mlcore.runs.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
