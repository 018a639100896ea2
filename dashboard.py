"""The dashboard: ``streamlit run dashboard.py``."""

import streamlit as st

if __name__ == "__main__":  # Streamlit runs this file for each visit
    from mlcore.ui import navigation, tasks

    navigation.run(end=tasks.end_of_page)
else:  # the server imports it, once
    from mlcore.ui.stream import route, server

    app = st.App(__file__, routes=route.routes(), lifespan=server.lifespan)
