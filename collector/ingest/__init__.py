"""Receiving: uploads by tus, manifests, opening, receipts, and the media that browsers play."""
