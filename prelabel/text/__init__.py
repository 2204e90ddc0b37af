"""Text in stills with PP-OCR: where it is, which way up, which words; one model for each."""
