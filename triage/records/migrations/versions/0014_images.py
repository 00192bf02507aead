"""The number of images of each study, so that a list is sorted by it without counting all files.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "image_count",
        sa.Column("study_id", sa.String(length=32), sa.ForeignKey("study.id"), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study_id"),
    )
    op.execute(
        "INSERT INTO image_count (study_id, images) SELECT series.study_id, sum(instance.frames) "
        "FROM series JOIN instance ON instance.series_id = series.id WHERE series.set_aside IS NULL "
        "GROUP BY series.study_id"
    )


def downgrade() -> None:
    op.drop_table("image_count")
