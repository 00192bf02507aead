"""Order and counts of the worklist from indexes alone: priors in that of the queue, and an index for the counts.

Tested in tests/records/test_worklist_order.py.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
QUEUE = ["waiting", "band", "arrived_at", "malignancy", "status", "predicted"]


def upgrade() -> None:
    op.drop_index("study_queue", "study")
    op.create_index("study_queue", "study", [*QUEUE, "prior_of", "id"])
    op.create_index("study_kinds", "study", ["status", "waiting", "band", "predicted"])


def downgrade() -> None:
    op.drop_index("study_kinds", "study")
    op.drop_index("study_queue", "study")
    op.create_index("study_queue", "study", [*QUEUE, "id"])
