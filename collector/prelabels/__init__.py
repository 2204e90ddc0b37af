"""Models run again over old captures, calibration, and the quality of pre-labels compared with corrections."""
