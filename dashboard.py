"""The dashboard: ``streamlit run dashboard.py``."""

from mlcore.ui import navigation, tasks

navigation.run(end=tasks.end_of_page)
