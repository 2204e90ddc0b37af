"""How good pre-labels are, measured against what people made of them. Pure: documents in, a report out.

reviewed.py what is compared; matching.py which label is which and what became of it; boxes.py, tracks.py,
intervals.py, texts.py the measures of each kind; costs.py what it cost people; report.py all of it together.
"""
