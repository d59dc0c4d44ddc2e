"""Run by Alembic, on the connection that `Register.open` holds."""

from alembic import context

from kitback.register.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place: Alembic copies the table instead.
    render_as_batch=True,
    # SQLite can undo the making of tables: a register is upgraded whole or not at all.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
