"""The agent on the smart camera: sensors, recorder, session, spool, uplink, and the session page."""
