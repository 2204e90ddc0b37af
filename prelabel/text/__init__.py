"""Text in stills, PP-OCR's way: where it is, which way up, what it says; one network each."""
