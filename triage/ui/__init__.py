"""Everything that draws: the only place under ``triage/`` that imports streamlit."""
