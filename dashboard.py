"""The dashboard: ``streamlit run dashboard.py``."""

import streamlit as st

from mlcore.ui import navigation

st.set_page_config(page_icon=":material/trending_down:", layout="wide")
navigation.run()
